/**
 * Whole machines by the name of what their boot does against speculation, for when no recorded machine is at hand. The names
 * are those of the recordings; kernel addresses are those of one real 6.18 kernel, which no rule depends on.
 */
import { type JitMachine, kernelAddress, PLAIN_MACHINE } from './machine.ts';
import { JIT_BEHAVIOUR, type JitKernel } from './profile.ts';

/**
 * `off`: nothing but int3 behind returns. `retpoline`: indirect jumps through thunks. `its`: returns through thunks as well.
 * `calldepth`: returns refill the return stack buffer (retbleed=stuff), so calls are counted.
 */
export type MitigationSet = 'off' | 'retpoline' | 'its' | 'calldepth';

export const MITIGATION_SETS: Readonly<Record<MitigationSet, Partial<JitMachine>>> = {
  off: { trapAfterReturn: true, indirectJump: { kind: 'plain', trapAfter: true } },
  retpoline: {
    trapAfterReturn: true,
    indirectJump: { kind: 'thunk', address: kernelAddress(0xffffffff82204be0n) },
  },
  its: {
    returnThunk: kernelAddress(0xffffffff822057e0n),
    indirectJump: { kind: 'thunk', address: kernelAddress(0xffffffff82204be0n) },
  },
  calldepth: {
    returnThunk: kernelAddress(0xffffffff82205710n),
    indirectJump: { kind: 'thunk', address: kernelAddress(0xffffffff82204fe0n) },
    callDepthCounter: kernelAddress(0xffffffff83a2b020n),
  },
};

/** A four-level machine with BMI2 that runs this kernel with these mitigations. */
export const machineWith = (kernel: JitKernel, mitigations: MitigationSet): JitMachine => ({
  ...PLAIN_MACHINE,
  ...MITIGATION_SETS[mitigations],
  behaviour: JIT_BEHAVIOUR[kernel],
});
