import { dispatcherFaults } from '../../faults/dispatcher.ts';
import { programsInSharedTextCostWhatExists } from '../../invariants/programs-in-shared-text-cost-what-exists.ts';
import { requestsFailOnlyForWantOfMemory } from '../../invariants/requests-fail-only-for-want-of-memory.ts';
import { sharedTextIsPlacedLowestFirst } from '../../invariants/shared-text-is-placed-lowest-first.ts';
import { proposalKernelBugs } from '../../invariants/shared-text-kernel-bugs.ts';
import { sharedTextLaws } from '../../invariants/shared-text-laws.ts';
import { textKernelBugs } from '../../invariants/text-kernel-bugs.ts';
import { theDispatcherServesThoseAttached } from '../../invariants/the-dispatcher-serves-those-attached.ts';
import { theRewrittenHalfIsOutOfReach } from '../../invariants/the-rewritten-half-is-out-of-reach.ts';
import { suite } from '../../language/suite.ts';
import { dispatcherOperations } from '../../operations/dispatcher.ts';
import { bpfJitFree } from '../../operations/program.ts';
import { bootWorld } from '../boot-world.ts';
import { dispatcherTextLaws } from './text-laws.ts';

export const dispatcherSuite = suite({
  name: 'dispatcher',
  about: 'The XDP dispatcher rewrites one half of its image while CPUs may run the other.',
  kernels: ['6.18', '6.1', '6.12', '6.18.15', '7.3'],
  boot: bootWorld,
  operations: [...dispatcherOperations, bpfJitFree],
  invariants: [theDispatcherServesThoseAttached, ...dispatcherTextLaws, theRewrittenHalfIsOutOfReach],
  faults: dispatcherFaults,
  kernelBugs: textKernelBugs,
  runs: 120,
  steps: 100,
});

/** One step may ask twice, for a program at 64 and for the image at a page; and nobody but BPF asks. */
const left = [sharedTextIsPlacedLowestFirst, requestsFailOnlyForWantOfMemory];

export const sharedTextDispatcherSuite = suite({
  name: 'dispatcher-in-shared-text',
  about: 'The same dispatcher where its image comes from an allocator that all users of text share.',
  kernels: ['execmem-proposal', 'vmalloc-text'],
  boot: bootWorld,
  operations: [...dispatcherOperations, bpfJitFree],
  invariants: [
    theRewrittenHalfIsOutOfReach,
    programsInSharedTextCostWhatExists,
    ...sharedTextLaws.filter((law) => !left.some((other) => other === law)),
  ],
  kernelBugs: [...proposalKernelBugs, ...textKernelBugs],
  runs: 60,
  steps: 100,
});
