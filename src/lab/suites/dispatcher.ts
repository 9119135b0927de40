import { dispatcherFaults } from '../../faults/dispatcher.ts';
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
