import { memoryKernelBugs } from '../../invariants/memory-kernel-bugs.ts';
import { areaLaws, permissionLaws } from '../../invariants/memory-laws.ts';
import { textKernelBugs } from '../../invariants/text-kernel-bugs.ts';
import { suite } from '../../language/suite.ts';
import { perProgramTextOperations } from '../../operations/per-program-text.ts';
import { bpfJitLimit } from '../../operations/program.ts';
import { bootWorld } from '../boot-world.ts';
import { ownPagesLaws } from './text-laws.ts';

export const perProgramTextSuite = suite({
  name: 'per-program-text',
  about:
    'What packs replaced: every program has pages of its own, made read-only and executable one program at a time.',
  kernels: ['per-program-text'],
  boot: bootWorld,
  operations: [...perProgramTextOperations, bpfJitLimit],
  invariants: [...ownPagesLaws, ...permissionLaws, ...areaLaws],
  kernelBugs: [...textKernelBugs, ...memoryKernelBugs],
  runs: 100,
  steps: 80,
});
