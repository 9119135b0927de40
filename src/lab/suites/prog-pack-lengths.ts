import { textKernelBugs } from '../../invariants/text-kernel-bugs.ts';
import { suite } from '../../language/suite.ts';
import { binaryPackAllocOf, programOperations } from '../../operations/program.ts';
import { lengthsAsCounted } from '../../operations/program-length.ts';
import { bootWorld } from '../boot-world.ts';
import { jitLengths } from '../data/jit-lengths.ts';
import { packLaws } from './text-laws.ts';

export const progPackLengthsSuite = suite({
  name: 'prog-pack-lengths',
  about: 'Programs in packs, with lengths that a running kernel’s JIT emitted.',
  kernels: ['6.18', '6.1', '6.12', '6.18.15', '7.3'],
  boot: bootWorld,
  operations: [binaryPackAllocOf(lengthsAsCounted(jitLengths)), ...programOperations],
  invariants: packLaws,
  kernelBugs: textKernelBugs,
  runs: 60,
  steps: 200,
});
