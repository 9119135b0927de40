import { execmemProposalFaults } from '../../faults/execmem-proposal.ts';
import { areaLaws, permissionLaws, pokeLaws } from '../../invariants/memory-laws.ts';
import { permissionsAreResetBeforeFramesAreFreed } from '../../invariants/permissions-are-reset-before-frames-are-freed.ts';
import { programsInSharedTextCostWhatExists } from '../../invariants/programs-in-shared-text-cost-what-exists.ts';
import { refusedOperationsMapNothing } from '../../invariants/refused-operations-map-nothing.ts';
import { proposalKernelBugs } from '../../invariants/shared-text-kernel-bugs.ts';
import { execmemProposalLaws } from '../../invariants/shared-text-laws.ts';
import { suite } from '../../language/suite.ts';
import { execmemProposalOperations, execmemSelftestOperations } from '../../operations/execmem-proposal.ts';
import { bpfJitBinaryPackAlloc, programOperations } from '../../operations/program.ts';
import { bootWorld } from '../boot-world.ts';

/** A refused request may leave the block behind that it made on the way; and blocks never carry VM_FLUSH_RESET_PERMS. */
const laws = [
  programsInSharedTextCostWhatExists,
  ...execmemProposalLaws,
  ...permissionLaws,
  ...areaLaws.filter((law) => law !== refusedOperationsMapNothing && law !== permissionsAreResetBeforeFramesAreFreed),
  ...pokeLaws,
];

/** In the selftest's loop no CPU ever looks at text, so that none holds a translation. */
const ABOUT_HELD_TRANSLATIONS = new Set([
  'cpus-and-tables-together-keep-w-xor-x',
  'no-cpu-keeps-rights-that-were-taken',
  'addresses-are-flushed-before-reuse',
  'no-cpu-holds-the-poke-alias',
]);

export const execmemProposalSuite = suite({
  name: 'execmem-proposal',
  about:
    'All users of text share 2 MiB blocks, byte by byte (execmem_alloc() as proposed in November 2022), BPF programs among them.',
  kernels: ['execmem-proposal', 'execmem-proposal-tail'],
  boot: bootWorld,
  operations: [...execmemProposalOperations, bpfJitBinaryPackAlloc, ...programOperations],
  invariants: laws,
  faults: execmemProposalFaults,
  kernelBugs: proposalKernelBugs,
  runs: 100,
  steps: 100,
});

export const execmemSelftestSuite = suite({
  name: 'execmem-selftest',
  about:
    'The loop of the selftest of that series: sizes (i % 1024 + 1) * 64, first and last byte filled; with content and bounds, which it did not test.',
  kernels: ['execmem-proposal', 'execmem-proposal-tail'],
  boot: bootWorld,
  operations: execmemSelftestOperations,
  invariants: laws.filter(({ name }) => !ABOUT_HELD_TRANSLATIONS.has(name)),
  kernelBugs: proposalKernelBugs,
  runs: 40,
  steps: 100,
});
