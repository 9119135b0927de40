import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PAGE_SIZE } from '../../src/base/page.ts';
import { bootWorld } from '../../src/lab/boot-world.ts';
import type { World } from '../../src/model/world.ts';

const change = fc.constantFrom('ro', 'rw', 'x', 'nx', 'rox', 'np', 'fourK');

/** Every leaf of the kernel's tables with its rights. */
const tablesOf = ({ machine }: World): string[] =>
  [...machine.kernelTables.leaves()].map(
    ({ firstPage, frame, level, flags }) => `${firstPage} ${frame} ${level} ${flags}`,
  );

test.each(['6.18', '6.1'])(
  'a second set_memory_*() changes no entry and no counter, and flushes nothing (%s)',
  (kernel) => {
    const world = bootWorld(kernel);
    const fresh = world.journal.position;
    const request = fc.tuple(change, fc.nat(700), fc.integer({ min: 1, max: 600 }), fc.boolean(), change);
    fc.assert(
      fc.property(request, ([first, page, count, allowHuge, before]) => {
        const area = world.vmalloc.allocate({ sizeBytes: 700 * PAGE_SIZE, window: world.layout.modules, allowHuge })!;
        const start = area.firstPage + Math.min(page, area.pageCount - 1);
        const pages = Math.min(count, area.firstPage + area.pageCount - start);
        world.setMemory[before](area.firstPage, 3);
        world.setMemory[first](start, pages);
        const once = {
          tables: tablesOf(world),
          counts: { ...world.directMap.counts },
          flushes: { ...world.machine.flushes },
        };
        expect(world.setMemory[first](start, pages)).toBe(0);
        expect(world.machine.flushes).toEqual(once.flushes);
        expect(world.directMap.counts).toEqual(once.counts);
        expect(tablesOf(world)).toEqual(once.tables);
        world.journal.undoTo(fresh);
      }),
      { seed: 4, numRuns: 40 },
    );
  },
);
