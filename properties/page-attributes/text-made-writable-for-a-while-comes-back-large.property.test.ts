import { expect, test } from 'vitest';
import { SIZE_2M } from '../../src/base/page.ts';
import { bootWorld } from '../../src/lab/boot-world.ts';
import type { VmArea } from '../../src/model/kernel/vmalloc.ts';
import { describeFlags } from '../../src/model/machine/page-table-entry.ts';
import type { World } from '../../src/model/world.ts';

/** A 2 MiB area of one read-only, executable leaf, whose direct-map alias is one leaf too. */
function largeText(kernel: string): { world: World; area: VmArea } {
  const world = bootWorld(kernel);
  const area = world.vmalloc.allocate({ sizeBytes: SIZE_2M, window: world.layout.modules, allowHuge: true })!;
  expect(world.setMemory.rox(area.firstPage, 512)).toBe(0);
  return { world, area };
}

/** Rights and level of a page in the area and in the direct map. */
function seen(world: World, area: VmArea, page: number): string {
  const { kernelTables } = world.machine;
  const there = kernelTables.translate(area.firstPage + page)!;
  const direct = kernelTables.translate(world.directMap.pageOf(area.frames[page]!))!;
  return `${describeFlags(there.flags)}${there.level} ${describeFlags(direct.flags)}${direct.level}`;
}

test('the calibrated walk: one leaf, split, written, restored, one leaf again while the direct map stays small', () => {
  const { world, area } = largeText('6.18');
  const { setMemory, directMap, machine } = world;
  const first = area.firstPage;
  expect([seen(world, area, 0), seen(world, area, 5)]).toEqual(['r-x2 r--2', 'r-x2 r--2']);

  setMemory.nx(first, 2);
  expect([seen(world, area, 0), seen(world, area, 2)]).toEqual(['r--1 r--2', 'r-x1 r--2']);

  const before = { ...directMap.counts };
  setMemory.rw(first, 2);
  expect([seen(world, area, 1), seen(world, area, 2)]).toEqual(['rw-1 rw-1', 'r-x1 r--1']);
  expect(directMap.counts).toEqual({ 1: before[1] + 512, 2: before[2] - 1, 3: before[3] });

  expect(world.access.write(machine.cpu(1), first, 100, Uint8Array.of(1, 2, 3))).toBeUndefined();
  const tables = machine.flushes.global;
  setMemory.rox(first, 2);
  expect([seen(world, area, 0), seen(world, area, 511)]).toEqual(['r-x2 r--1', 'r-x2 r--1']);
  expect(machine.flushes.global - tables, 'one flush for the change, one for the collapse').toBe(2);
  expect(directMap.counts, 'the direct map stays split').toEqual({
    1: before[1] + 512,
    2: before[2] - 1,
    3: before[3],
  });
});

test.each(['6.1', '6.12'])('on %s, which merges nothing, the area stays split', (kernel) => {
  const { world, area } = largeText(kernel);
  world.setMemory.nx(area.firstPage, 2);
  world.setMemory.rw(area.firstPage, 2);
  world.setMemory.rox(area.firstPage, 2);
  expect(seen(world, area, 0)).toBe('r-x1 r--1');
});

test('pages that set_memory_4k() asked to stay small are not merged', () => {
  const { world, area } = largeText('6.18');
  world.setMemory.fourK(area.firstPage, 512);
  world.setMemory.nx(area.firstPage, 1);
  world.setMemory.rox(area.firstPage, 512);
  expect(seen(world, area, 0)).toMatch(/^r-x1/);
});
