import { expect, test } from 'vitest';
import { SIZE_2M } from '../../src/base/page.ts';
import { bootWorld } from '../../src/lab/boot-world.ts';
import { isExecutable, isWritable } from '../../src/model/machine/page-table-entry.ts';

test('the pages before the missing page table have changed, the others have not, and every CPU was flushed', () => {
  const { vmalloc, layout, setMemory, machine, failing, directMap } = bootWorld('6.18');
  const area = vmalloc.allocate({ sizeBytes: 2 * SIZE_2M, window: layout.modules, allowHuge: true })!;
  const cpu = machine.cpu(1);
  cpu.mmu.speculate(cpu.space, area.firstPage);
  const flushes = machine.flushes.global;

  // The first leaf is covered whole; the second needs a split, and its table is the one that cannot be had. The direct map's own
  // split, of 1 GiB, comes first.
  const outcome = failing.during(2, () => setMemory.ro(area.firstPage, 600));

  expect([outcome, failing.failed]).toEqual(['-ENOMEM', 'page table of a split']);
  const writable = (page: number): boolean => isWritable(machine.kernelTables.translate(area.firstPage + page)!.flags);
  expect([writable(0), writable(511), writable(512), writable(1023)]).toEqual([false, false, true, true]);
  expect(isWritable(machine.kernelTables.translate(directMap.pageOf(area.frames[0]!))!.flags)).toBe(false);
  expect(cpu.mmu.tlb.lookup(area.firstPage, 0)).toBeUndefined();
  expect(machine.flushes.global - flushes, 'one for the split, one for the error').toBe(2);
  expect(
    failing.during(0, () => setMemory.ro(area.firstPage, 600)),
    'asking again succeeds',
  ).toBe(0);
  expect(writable(599)).toBe(false);
});

test('beyond the end of an area the answer is -EFAULT with a warning, after the pages before have changed', () => {
  const { vmalloc, layout, setMemory, machine, log } = bootWorld('6.18');
  const area = vmalloc.allocate({ sizeBytes: 4096, window: layout.modules })!;
  expect(setMemory.ro(area.firstPage, 2)).toBe('-EFAULT');
  expect(isWritable(machine.kernelTables.translate(area.firstPage)!.flags)).toBe(false);
  expect(log.since(0)).toEqual(['WARN CPA: called for zero pte']);
});

test.each([
  ['6.18', 1],
  ['6.1', 0],
] as const)('writable and executable memory is made on %s, with %i warning', (kernel, warnings) => {
  const { vmalloc, layout, setMemory, machine, log } = bootWorld(kernel);
  const area = vmalloc.allocate({ sizeBytes: 4096, window: layout.modules })!;
  expect(setMemory.x(area.firstPage, 1)).toBe(0);
  const { flags } = machine.kernelTables.translate(area.firstPage)!;
  expect([isWritable(flags), isExecutable(flags)]).toEqual([true, true]);
  expect(log.reports.length).toBe(warnings);
});
