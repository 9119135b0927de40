import { coreAnswerFaults } from '../../faults/core-answers.ts';
import { corePassFaults, coreRecordFaults } from '../../faults/core-records.ts';
import { coreKernelBugs } from '../../invariants/core-kernel-bugs.ts';
import { coreRecordLaws, coreRelocationLaws } from '../../invariants/core-relocation-laws.ts';
import { suite } from '../../language/suite.ts';
import { coreRelocationOperations } from '../../operations/core-relocation.ts';
import { bootCoreWorld } from '../boot-core-world.ts';

export const coreRelocationSuite = suite({
  name: 'core-relocation',
  about: 'One program relocated by libbpf before the load and by the kernel inside it: the same answers, none lost.',
  kernels: ['6.18', 'core-after-6.18'],
  boot: bootCoreWorld,
  operations: coreRelocationOperations,
  invariants: coreRelocationLaws,
  faults: [...corePassFaults, ...coreAnswerFaults],
  kernelBugs: coreKernelBugs,
  runs: 1500,
  steps: 60,
});

export const coreRecordSuite = suite({
  name: 'core-record',
  about: 'How libbpf remembers records for light skeletons: as posted in November 2021, and as the review proposed.',
  kernels: ['core-record-proposed', 'core-record-first-posted'],
  boot: bootCoreWorld,
  operations: coreRelocationOperations,
  invariants: coreRecordLaws,
  faults: coreRecordFaults,
  kernelBugs: coreKernelBugs,
  runs: 1500,
  steps: 60,
});
