import { directMapIsNeverExecutable } from '../../invariants/direct-map-is-never-executable.ts';
import { freedTextCannotBeRun } from '../../invariants/freed-text-cannot-be-run.ts';
import { levelCountersCountLeaves } from '../../invariants/level-counters-count-leaves.ts';
import { liveAreasMapTheirOwnFrames } from '../../invariants/live-areas-map-their-own-frames.ts';
import { locksKeepTheirOrder } from '../../invariants/locks-keep-their-order.ts';
import { noEntryIsWritableAndExecutable } from '../../invariants/no-entry-is-writable-and-executable.ts';
import { publishedTextIsReadOnlyAndExecutable } from '../../invariants/published-text-is-read-only-and-executable.ts';
import { publishedTextReadsAsWritten } from '../../invariants/published-text-reads-as-written.ts';
import { requestsFailOnlyForWantOfMemory } from '../../invariants/requests-fail-only-for-want-of-memory.ts';
import { selftestKernelBugs } from '../../invariants/selftest-kernel-bugs.ts';
import { textsShareNoByte } from '../../invariants/texts-share-no-byte.ts';
import { vmAreasAreDisjoint } from '../../invariants/vm-areas-are-disjoint.ts';
import { suite } from '../../language/suite.ts';
import { profiles } from '../../model/kernel/profile.ts';
import type { World } from '../../model/world.ts';
import { textSelftestOperations } from '../../operations/text-selftest.ts';
import { bootWorld } from '../boot-world.ts';

/** What an operation costs the rest of the machine. */
function costs({ machine: { flushes }, largePages: { account } }: World): Readonly<Record<string, number>> {
  return {
    'flushes on all CPUs': flushes.global,
    'on one': flushes.local,
    'page-table splits': account.splits,
    collapses: account.collapses,
  };
}

export const textSelftestSuite = suite({
  name: 'text-selftest',
  about:
    'The selftest that the mails of July 2022 asked for, on the text allocators of every kernel: correct for all users, and what an allocation costs.',
  kernels: [...profiles.keys()],
  everyKernel: true,
  counters: costs,
  boot: bootWorld,
  operations: textSelftestOperations,
  invariants: [
    requestsFailOnlyForWantOfMemory,
    textsShareNoByte,
    publishedTextReadsAsWritten,
    freedTextCannotBeRun,
    publishedTextIsReadOnlyAndExecutable,
    noEntryIsWritableAndExecutable,
    directMapIsNeverExecutable,
    levelCountersCountLeaves,
    vmAreasAreDisjoint,
    liveAreasMapTheirOwnFrames,
    locksKeepTheirOrder,
  ],
  kernelBugs: selftestKernelBugs,
  runs: 20,
  steps: 100,
});
