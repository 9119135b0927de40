import { expect, test } from 'vitest';
import { SIZE_2M } from '../../src/base/page.ts';
import { bootWorld } from '../../src/lab/boot-world.ts';
import { describeFlags } from '../../src/model/machine/page-table-entry.ts';

test.each([
  ['6.18', 1],
  ['7.3', 2],
] as const)('%s resets the permissions of a large area and leaves direct-map leaves of level %i', (kernel, level) => {
  const { vmalloc, layout, setMemory, machine, directMap } = bootWorld(kernel);
  const window = layout.modules;
  const area = vmalloc.allocate({ sizeBytes: SIZE_2M, window, allowHuge: true, flushResetPerms: true })!;
  setMemory.rox(area.firstPage, 512);
  expect(machine.kernelTables.translate(area.firstPage)).toMatchObject({ level: 2 });
  const cpu = machine.cpu(1);
  cpu.mmu.speculate(cpu.space, area.firstPage);

  vmalloc.free(area.firstPage + 300);

  expect(machine.kernelTables.translate(area.firstPage)).toBeUndefined();
  expect(cpu.mmu.tlb.size).toBe(0);
  for (const frame of area.frames) {
    const direct = machine.kernelTables.translate(directMap.pageOf(frame))!;
    expect([describeFlags(direct.flags), direct.level]).toEqual(['rw-', level]);
  }
});

test('without the flag the direct map stays read-only, and CPUs keep what they hold', () => {
  const { vmalloc, layout, setMemory, machine, directMap } = bootWorld('6.18');
  const area = vmalloc.allocate({ sizeBytes: 4096, window: layout.modules })!;
  setMemory.rox(area.firstPage, 1);
  const cpu = machine.cpu(0);
  cpu.mmu.speculate(cpu.space, area.firstPage);
  vmalloc.free(area.firstPage);
  expect(cpu.mmu.tlb.lookup(area.firstPage, 0)).toBeDefined();
  const direct = machine.kernelTables.translate(directMap.pageOf(area.frames[0]!))!;
  expect(describeFlags(direct.flags)).toBe('r--');
});

test.each([true, false])(
  'every k-th internal allocation can fail, and nothing is left behind (huge: %s)',
  (allowHuge) => {
    const world = bootWorld('6.18');
    const { vmalloc, layout, failing, machine, vmapAreas } = world;
    const request = { sizeBytes: 600 * 4096, window: layout.modules, allowHuge };
    const usedFrames = () => [...machine.memory.touchedFrames()].filter(({ use }) => use === 'vmalloc').length;
    const fresh = world.journal.position;
    failing.during(0, () => vmalloc.allocate(request));
    const places = failing.asked;
    expect(places).toBe(allowHuge ? 2 : 4);
    for (let k = 1; k <= places; k++) {
      world.journal.undoTo(fresh);
      const area = failing.during(k, () => vmalloc.allocate(request));
      if (area !== undefined) {
        expect(area.leafPages, 'small pages took the place of large ones').toBe(1);
        continue;
      }
      vmapAreas.unmapAliases();
      expect([vmalloc.areas.length, vmapAreas.taken.length, usedFrames()]).toEqual([0, 0, 0]);
    }
  },
);
