import { expect, test } from 'vitest';
import { PAGE_SIZE } from '../../src/base/page.ts';
import { bootWorld } from '../../src/lab/boot-world.ts';
import { isWritable } from '../../src/model/machine/page-table-entry.ts';

test('set_memory_ro of one page: the alias splits 1 GiB and 2 MiB, each with a flush, and one flush ends it', () => {
  const world = bootWorld('6.18');
  const { vmalloc, setMemory, directMap, machine, layout } = world;
  // The lowest free frames lie under small leaves since boot; a block from the top lies under an untouched 1 GiB leaf.
  const block = machine.memory.allocateBlock('slab')!;
  const area = vmalloc.map([block + 7], layout.vmalloc, 1)!;
  const counts = { ...directMap.counts };
  const events = { ...directMap.events };
  const flushes = machine.flushes.global;

  expect(setMemory.ro(area.firstPage, 1)).toBe(0);

  expect(directMap.counts).toEqual({ 1: counts[1] + 512, 2: counts[2] + 511, 3: counts[3] - 1 });
  expect(directMap.events).toEqual({ ...events, splits2: events.splits2 + 1, splits3: events.splits3 + 1 });
  expect(machine.flushes.global - flushes).toBe(3);
  const neighbour = machine.kernelTables.translate(directMap.pageOf(block + 8))!;
  expect(isWritable(neighbour.flags)).toBe(true);
});

test('33 direct-map pages are flushed one by one, 34 all at once; a vmalloc address always flushes all', () => {
  const { machine, setMemory, directMap, vmalloc, layout } = bootWorld('6.18');
  const block = machine.memory.allocateBlock('slab')!;
  const first = directMap.pageOf(block);
  setMemory.fourK(first, 512);
  const far = directMap.pageOf(block + 500);
  const area = vmalloc.allocate({ sizeBytes: PAGE_SIZE, window: layout.modules })!;
  const cpu = machine.cpu(1);
  const isHeldAfter = (change: () => unknown): boolean => {
    cpu.mmu.speculate(cpu.space, far);
    change();
    return cpu.mmu.tlb.lookup(far, 0) !== undefined;
  };
  expect(isHeldAfter(() => setMemory.ro(first, 33))).toBe(true);
  expect(isHeldAfter(() => setMemory.rw(first, 34))).toBe(false);
  expect(isHeldAfter(() => setMemory.ro(area.firstPage, 1))).toBe(false);
});
