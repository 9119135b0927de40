import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PAGE_SIZE } from '../../src/base/page.ts';
import { bootWorld } from '../../src/lab/boot-world.ts';
import type { VmArea } from '../../src/model/kernel/vmalloc.ts';

interface Step {
  readonly free: boolean;
  readonly pages: number;
  readonly align: number;
  readonly pick: number;
}

const step: fc.Arbitrary<Step> = fc.record({
  free: fc.boolean(),
  pages: fc.integer({ min: 1, max: 20 }),
  align: fc.constantFrom(1, 1, 2, 16),
  pick: fc.nat(),
});

/** Where the steps place areas, as pages from the start of the module window; unmapped areas rest until the next flush. */
function placesOf(steps: readonly Step[], moduleOffset: number, flushing: boolean): number[] {
  const { vmalloc, layout, vmapAreas } = bootWorld('6.18', { module_offset: String(moduleOffset) });
  const live: VmArea[] = [];
  return steps.map(({ free, pages, align, pick }) => {
    if (free && live.length > 0) {
      vmalloc.free(live.splice(pick % live.length, 1)[0]!.firstPage);
      if (flushing) vmapAreas.unmapAliases();
      return -1;
    }
    const area = vmalloc.allocate({ sizeBytes: pages * PAGE_SIZE, window: layout.modules, align })!;
    live.push(area);
    return area.firstPage - layout.modules.first;
  });
}

/** The rule in its plainest form: try every address, upwards. */
function expectedPlaces(steps: readonly Step[]): number[] {
  const live: { first: number; pages: number }[] = [];
  return steps.map(({ free, pages, align, pick }) => {
    if (free && live.length > 0) {
      live.splice(pick % live.length, 1);
      return -1;
    }
    let first = 0;
    const meets = () => live.some((other) => first < other.first + other.pages + 1 && other.first < first + pages + 1);
    while (meets()) first += align;
    live.push({ first, pages });
    return first;
  });
}

test('first fit from the lowest address, a guard page behind each area', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
      expect(placesOf(steps, 0, true)).toEqual(expectedPlaces(steps));
    }),
    { seed: 1, numRuns: 25 },
  );
});

test('moving the module window by 2 MiB moves every area, and nothing else', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 15 }), fc.boolean(), (steps, flushing) => {
      expect(placesOf(steps, 512, flushing)).toEqual(placesOf(steps, 0, flushing));
    }),
    { seed: 7, numRuns: 8 },
  );
});

test('addresses of a freed area rest until a flush', () => {
  const { vmalloc, layout, vmapAreas } = bootWorld('6.18');
  const request = { sizeBytes: 3 * PAGE_SIZE, window: layout.modules };
  const first = vmalloc.allocate(request)!;
  vmalloc.free(first.firstPage);
  expect(vmalloc.allocate(request)!.firstPage).toBe(first.firstPage + 4);
  vmapAreas.unmapAliases();
  expect(vmalloc.allocate(request)!.firstPage).toBe(first.firstPage);
});
