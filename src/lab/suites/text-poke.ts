import { textPokeFaults } from '../../faults/text-poke.ts';
import { memoryKernelBugs } from '../../invariants/memory-kernel-bugs.ts';
import { areaLaws, patchLaws, permissionLaws, pokeLaws } from '../../invariants/memory-laws.ts';
import { suite } from '../../language/suite.ts';
import { areaAccessOperations } from '../../operations/hardware.ts';
import { setMemoryOperations } from '../../operations/page-attributes.ts';
import { livePatchingOperations, textPokeOperations } from '../../operations/text-poke.ts';
import { vmallocOperations } from '../../operations/vmalloc.ts';
import { bootWorld } from '../boot-world.ts';

const needed = ['set_memory_rox', 'set_memory_x', 'set_memory_ro', 'set_memory_nx'];

export const textPokeSuite = suite({
  name: 'text-poke',
  about: 'Read-only text is written through a private alias, and instructions are replaced while other CPUs run them.',
  kernels: ['6.18', '6.1', '6.12', '6.18.15', '7.3'],
  boot: bootWorld,
  operations: [
    ...vmallocOperations,
    ...setMemoryOperations.filter(({ name }) => needed.includes(name)),
    ...textPokeOperations,
    ...livePatchingOperations,
    ...areaAccessOperations,
  ],
  invariants: [...permissionLaws, ...areaLaws, ...pokeLaws, ...patchLaws],
  faults: textPokeFaults,
  kernelBugs: memoryKernelBugs,
  runs: 200,
  steps: 100,
});
