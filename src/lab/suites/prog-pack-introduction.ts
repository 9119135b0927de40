import { textKernelBugs } from '../../invariants/text-kernel-bugs.ts';
import { suite } from '../../language/suite.ts';
import { perProgramTextOperations } from '../../operations/per-program-text.ts';
import { bpfJitBinaryPackAlloc, programOperations } from '../../operations/program.ts';
import { bootWorld } from '../boot-world.ts';
import { firstPackLaws } from './text-laws.ts';

/**
 * The first proposal fills neither fresh packs nor freed text, and asks for the reset of permissions at the wrong address, so
 * the laws of free text and of freed frames are not among these: they break with the first step. A property shows it.
 */
export const progPackIntroductionSuite = suite({
  name: 'prog-pack-introduction',
  about: 'Program packs as first proposed in January 2022: one PMD a pack, larger programs in pages of their own.',
  kernels: ['prog-pack-first'],
  boot: bootWorld,
  operations: [bpfJitBinaryPackAlloc, ...programOperations, ...perProgramTextOperations],
  invariants: firstPackLaws,
  kernelBugs: textKernelBugs,
  runs: 60,
  steps: 100,
});
