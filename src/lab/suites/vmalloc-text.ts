import { vmallocTextFaults } from '../../faults/vmalloc-text.ts';
import { areaLaws, permissionLaws, pokeLaws } from '../../invariants/memory-laws.ts';
import { permissionsAreResetBeforeFramesAreFreed } from '../../invariants/permissions-are-reset-before-frames-are-freed.ts';
import { programsInSharedTextCostWhatExists } from '../../invariants/programs-in-shared-text-cost-what-exists.ts';
import { refusedOperationsMapNothing } from '../../invariants/refused-operations-map-nothing.ts';
import { rightsNeverPassThroughWriteAndExecute } from '../../invariants/rights-never-pass-through-write-and-execute.ts';
import { execmemProposalLaws } from '../../invariants/shared-text-laws.ts';
import { textKernelBugs } from '../../invariants/text-kernel-bugs.ts';
import { suite } from '../../language/suite.ts';
import { bpfJitBinaryPackAlloc, programOperations } from '../../operations/program.ts';
import { vmallocTextOperations } from '../../operations/vmalloc-text.ts';
import { bootWorld } from '../boot-world.ts';

/**
 * A program that gets text and then no buffer is refused after a block was made for it; and blocks are made ordinary by
 * set_memory_nx() and set_memory_rw(), not by the reset inside vfree().
 */
const left = [refusedOperationsMapNothing, permissionsAreResetBeforeFramesAreFreed];

export const vmallocTextSuite = suite({
  name: 'vmalloc-text',
  about:
    'One allocator of text for modules, BPF, ftrace and kprobes, with permissions and traps inside, as the mails of July 2022 ask for it.',
  kernels: ['vmalloc-text'],
  boot: bootWorld,
  operations: [...vmallocTextOperations, bpfJitBinaryPackAlloc, ...programOperations],
  invariants: [
    programsInSharedTextCostWhatExists,
    ...execmemProposalLaws,
    rightsNeverPassThroughWriteAndExecute,
    ...[...permissionLaws, ...areaLaws, ...pokeLaws].filter((law) => !left.some((other) => other === law)),
  ],
  faults: vmallocTextFaults,
  kernelBugs: textKernelBugs,
  runs: 100,
  steps: 100,
});
