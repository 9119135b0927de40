import { areaLaws, largePageLaws, permissionLaws } from '../../invariants/memory-laws.ts';
import { suite } from '../../language/suite.ts';
import { areaAccessOperations } from '../../operations/hardware.ts';
import { directMapOperations, setMemoryOperations, temporaryRwOperations } from '../../operations/page-attributes.ts';
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
  runs: 150,
  steps: 100,
});
