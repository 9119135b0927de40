import { vmallocFaults } from '../../faults/vmalloc.ts';
import { memoryKernelBugs } from '../../invariants/memory-kernel-bugs.ts';
import { areaLaws, permissionLaws, stagedFreeLaws } from '../../invariants/memory-laws.ts';
import { vmallocOccurrences } from '../../invariants/memory-occurrences.ts';
import { suite } from '../../language/suite.ts';
import { areaAccessOperations } from '../../operations/hardware.ts';
import { setMemoryOperations } from '../../operations/page-attributes.ts';
import { stagedVfreeOperations, vmallocOperations } from '../../operations/vmalloc.ts';
import { bootWorld } from '../boot-world.ts';

/** What gives areas rights worth resetting. */
const permissionChanges = setMemoryOperations.filter(({ name }) =>
  ['set_memory_ro', 'set_memory_rw', 'set_memory_x', 'set_memory_nx', 'set_memory_rox'].includes(name),
);

export const vmallocSuite = suite({
  name: 'vmalloc',
  about:
    'Areas come and go, their vfree() stage by stage, while CPUs hold on to translations; addresses and frames are used again.',
  kernels: ['6.18', '6.1', '6.12', '6.18.15', '7.3', 'prog-pack-first'],
  boot: bootWorld,
  operations: [...vmallocOperations, ...stagedVfreeOperations, ...permissionChanges, ...areaAccessOperations],
  invariants: [...permissionLaws, ...areaLaws, ...stagedFreeLaws],
  faults: vmallocFaults,
  kernelBugs: memoryKernelBugs,
  occurrences: vmallocOccurrences,
  runs: 400,
  steps: 50,
});
