import { jitLimitFaults } from '../../faults/jit-limit.ts';
import { progPackFaults } from '../../faults/prog-pack.ts';
import { progPackPlaceFaults } from '../../faults/prog-pack-places.ts';
import { programFaults } from '../../faults/program.ts';
import { memoryKernelBugs } from '../../invariants/memory-kernel-bugs.ts';
import { areaLaws, permissionLaws, pokeLaws } from '../../invariants/memory-laws.ts';
import { textKernelBugs } from '../../invariants/text-kernel-bugs.ts';
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
  kernels: ['6.18', '6.1', '6.12', '6.18.15', '7.3'],
  boot: bootWorld,
  operations: [bpfJitBinaryPackAlloc, ...programOperations, ...progPackOperations, ...trampolineOperations],
  invariants: [...packLaws, ...permissionLaws, ...areaLaws, ...pokeLaws],
  faults: [...progPackFaults, ...progPackPlaceFaults, ...programFaults, ...jitLimitFaults],
  kernelBugs: [...textKernelBugs, ...memoryKernelBugs],
  runs: 240,
  steps: 60,
});
