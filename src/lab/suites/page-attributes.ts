import { pageAttributeFaults, smallPageFaults } from '../../faults/page-attributes.ts';
import { memoryKernelBugs } from '../../invariants/memory-kernel-bugs.ts';
import { areaLaws, largePageLaws, permissionLaws } from '../../invariants/memory-laws.ts';
import { onlyAskedPagesChangeRights } from '../../invariants/only-asked-pages-change-rights.ts';
import { suite } from '../../language/suite.ts';
import { directMapOperations } from '../../operations/direct-map.ts';
import { areaAccessOperations } from '../../operations/hardware.ts';
import { setMemoryOperations, temporaryRwOperations } from '../../operations/page-attributes.ts';
import { vmallocOperations } from '../../operations/vmalloc.ts';
import { bootWorld } from '../boot-world.ts';

export const pageAttributesSuite = suite({
  name: 'page-attributes',
  about:
    'set_memory_*() on vmalloc areas and the direct map: splits, aliases, flushes, collapse, text made writable for a while.',
  kernels: ['6.18', '6.1', '6.12', '6.18.15', '7.3'],
  boot: bootWorld,
  operations: [
    ...vmallocOperations,
    ...setMemoryOperations,
    ...temporaryRwOperations,
    ...directMapOperations,
    ...areaAccessOperations,
  ],
  invariants: [...permissionLaws, ...largePageLaws, ...areaLaws],
  faults: pageAttributeFaults,
  kernelBugs: memoryKernelBugs,
  runs: 400,
  steps: 50,
});

/** A machine without large pages has a direct map of small ones alone, so its memory is kept small. */
export const smallPageAttributesSuite = suite({
  ...pageAttributesSuite,
  name: 'page-attributes-4k',
  about: 'The same on a machine without large pages, as a Xen PV guest is: nothing is ever split or merged.',
  boot: (kernel, machine) => bootWorld(kernel, { pse: 'off', memory: '96', ...machine }),
  invariants: [...permissionLaws, onlyAskedPagesChangeRights, ...areaLaws],
  faults: smallPageFaults,
  runs: 100,
  steps: 50,
});
