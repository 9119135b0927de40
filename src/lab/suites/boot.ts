import { bootFaults } from '../../faults/boot.ts';
import { bootLaws, permissionLaws } from '../../invariants/memory-laws.ts';
import { rightStepsRaiseNoAlarm } from '../../invariants/right-steps-raise-no-alarm.ts';
import { suite } from '../../language/suite.ts';
import { bootOperations } from '../../operations/boot.ts';
import { imageAccessOperations } from '../../operations/hardware.ts';
import { earlyWorld } from '../boot-world.ts';

export const bootSuite = suite({
  name: 'boot',
  about:
    'The end of boot: tracing takes its first text, the kernel image becomes read-only or not executable while other CPUs run; then it is protected.',
  kernels: ['6.18', '6.1', '6.12', '6.18.15', '7.3'],
  boot: earlyWorld,
  operations: [...bootOperations, ...imageAccessOperations],
  invariants: [...bootLaws, ...permissionLaws, rightStepsRaiseNoAlarm],
  faults: bootFaults,
  runs: 200,
  steps: 60,
});
