import { roxCacheFaults } from '../../faults/rox-cache.ts';
import { areaLaws, permissionLaws, pokeLaws } from '../../invariants/memory-laws.ts';
import { refusedOperationsMapNothing } from '../../invariants/refused-operations-map-nothing.ts';
import { roxCacheKernelBugs } from '../../invariants/shared-text-kernel-bugs.ts';
import { roxCacheLaws } from '../../invariants/shared-text-laws.ts';
import { textChangesThroughPokesAlone } from '../../invariants/text-changes-through-pokes-alone.ts';
import { suite } from '../../language/suite.ts';
import { execmemOperations } from '../../operations/execmem.ts';
import { bootWorld } from '../boot-world.ts';

/**
 * A refused request may leave the block behind that it made on the way; and from 6.15 text is written by stores while its owner
 * has it writable and not executable, within one step where it is freed.
 */
const left = [refusedOperationsMapNothing, textChangesThroughPokesAlone];

export const roxCacheSuite = suite({
  name: 'rox-cache',
  about:
    'Modules, kprobes and ftrace get text from mm/execmem.c and its cache of large read-only pages: loading, patching, failed frees, deferred work.',
  kernels: ['execmem-repaired', '6.10', '6.13-rc', '6.13', '6.14', '6.15', '6.16', '6.17', '6.18'],
  boot: bootWorld,
  operations: execmemOperations,
  invariants: [
    ...roxCacheLaws,
    ...[...permissionLaws, ...areaLaws, ...pokeLaws].filter((law) => !left.some((other) => other === law)),
  ],
  faults: roxCacheFaults,
  kernelBugs: roxCacheKernelBugs,
  runs: 120,
  steps: 100,
});
