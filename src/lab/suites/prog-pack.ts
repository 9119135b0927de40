import { jitLimitFaults } from '../../faults/jit-limit.ts';
import { moduleAllocHugeFaults } from '../../faults/module-alloc-huge.ts';
import { progPackFaults } from '../../faults/prog-pack.ts';
import { progPackPlaceFaults } from '../../faults/prog-pack-places.ts';
import { programFaults } from '../../faults/program.ts';
import { memoryKernelBugs } from '../../invariants/memory-kernel-bugs.ts';
import { areaLaws, permissionLaws, pokeLaws } from '../../invariants/memory-laws.ts';
import { rightsNeverPassThroughWriteAndExecute } from '../../invariants/rights-never-pass-through-write-and-execute.ts';
import { textKernelBugs } from '../../invariants/text-kernel-bugs.ts';
import { packOccurrences } from '../../invariants/text-occurrences.ts';
import { suite } from '../../language/suite.ts';
import { progPackOperations } from '../../operations/prog-pack.ts';
import { bpfJitBinaryPackAlloc, programOperations } from '../../operations/program.ts';
import { trampolineOperations } from '../../operations/trampoline.ts';
import { bootWorld } from '../boot-world.ts';
import { packLaws } from './text-laws.ts';

export const progPackSuite = suite({
  name: 'prog-pack',
  about:
    'Programs and trampolines share packs: placement, content, permissions, the two-buffer protocol, the JIT limit.',
  kernels: ['6.18', '6.1', '6.12', '6.18.15', '7.3', 'module-alloc-huge'],
  boot: bootWorld,
  operations: [bpfJitBinaryPackAlloc, ...programOperations, ...progPackOperations, ...trampolineOperations],
  invariants: [...packLaws, rightsNeverPassThroughWriteAndExecute, ...permissionLaws, ...areaLaws, ...pokeLaws],
  faults: [...progPackFaults, ...progPackPlaceFaults, ...moduleAllocHugeFaults, ...programFaults, ...jitLimitFaults],
  kernelBugs: [...textKernelBugs, ...memoryKernelBugs],
  occurrences: packOccurrences,
  runs: 240,
  steps: 60,
});
