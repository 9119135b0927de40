/**
 * What the x86-64 JIT of each kernel version does differently: one record a version, no version tests elsewhere.
 * Only differences that show in machine code, in exception tables or in whether a program is accepted are named.
 * The mainline release that brought a behaviour is given; recordings of 6.1.192, 6.12.117, 6.16.12, 6.17.13, 6.18.15,
 * 6.18.44, 6.19.14, 7.0.13, 7.1.13, 7.2.13 and 7.3.4 hold each record to account.
 */

export interface JitBehaviour {
  /** The number of the register behind the frame pointer that blinding and inlined helpers use; 7.2 gives 11 to others. */
  readonly auxiliaryRegister: 11 | 12;
  /**
   * How a tail call counts (6.12, 116e04ba1459): the count itself travels in eax and lives in every frame, or its address
   * does, so that all frames share one count.
   */
  readonly tailCallCounter: 'by-value' | 'by-pointer';
  /** Whether a 64-bit constant that is a sign-extended 32-bit one gets the 7-byte form instead of the 10-byte one. */
  readonly loadsSignExtended: boolean;
  /**
   * How a shift by a register other than rcx is made: with the count in cl, or by shlx and its like where the CPU has BMI2
   * (6.2). The old way also saves rcx when rcx is what is shifted and about to be overwritten.
   */
  readonly variableShift: 'count-in-cl' | 'bmi2';
  /** How a probing load tells kernel addresses from others (6.9, b599d7d26d6a). */
  readonly probeCheck: 'above-user-limit' | 'above-vsyscall';
  /** Whether xchg, which always locks the bus, carries a lock prefix all the same (until 7.0). */
  readonly locksExchange: boolean;
  /**
   * The farthest forward displacement a two-byte jump is used for: 123 since 6.12 (c8831bdbfbab), which stable kernels took
   * over; 6.1.192 has it.
   */
  readonly shortJumpReach: 123 | 127;
  /** What an arena instruction's exception entry tells the handler. */
  readonly arenaFixup: ArenaFixup;
  /**
   * Whether blinding covers constants stored into the arena: a fix of March 2026 for 7.0 that 6.12.79 and 6.18.21 took over
   * and 6.16, 6.17 and 6.18.15 lack. No recording shows it.
   */
  readonly blindsArenaStores: boolean;
  /** How the call depth counter is addressed (6.9): by a 32-bit absolute address or relative to rip. */
  readonly callDepthAddressing: 'absolute' | 'relative';
  /** How a FineIBT preamble compares the caller's hash (6.15): r10d with a jump over a trap, or eax. */
  readonly fineIbt: 'r10' | 'eax';
  /** The nop that stands for an endbr64 which must not be a target; the release of the change is unconfirmed. */
  readonly poisonedEndbr: 'nop-operand-size' | 'nop-0xd6';
}

/**
 * `register`: only which register to clear. `report`: also which register held the address and the offset, so that the
 * fault can be reported (6.18). `report-direction`: also whether it was a write; and atomics that return a value clear the
 * register they return it in, and a load-acquire is a load; until then all were taken for stores (7.2).
 */
export type ArenaFixup = 'register' | 'report' | 'report-direction';

const linux6_1: JitBehaviour = {
  auxiliaryRegister: 11,
  tailCallCounter: 'by-value',
  loadsSignExtended: false,
  variableShift: 'count-in-cl',
  probeCheck: 'above-user-limit',
  locksExchange: true,
  shortJumpReach: 123,
  arenaFixup: 'register',
  blindsArenaStores: false,
  callDepthAddressing: 'absolute',
  fineIbt: 'r10',
  poisonedEndbr: 'nop-operand-size',
};

const linux6_12: JitBehaviour = {
  ...linux6_1,
  tailCallCounter: 'by-pointer',
  loadsSignExtended: true,
  variableShift: 'bmi2',
  probeCheck: 'above-vsyscall',
  callDepthAddressing: 'relative',
  blindsArenaStores: true,
};

const linux6_16: JitBehaviour = { ...linux6_12, blindsArenaStores: false, fineIbt: 'eax' };
const linux6_18: JitBehaviour = {
  ...linux6_16,
  blindsArenaStores: true,
  arenaFixup: 'report',
  poisonedEndbr: 'nop-0xd6',
};
const linux7_0: JitBehaviour = { ...linux6_18, locksExchange: false };
const linux7_2: JitBehaviour = { ...linux7_0, auxiliaryRegister: 12, arenaFixup: 'report-direction' };

/** By mainline version, `major.minor`. Versions that share a record generate the same code from the same input. */
export const JIT_BEHAVIOUR = {
  '6.1': linux6_1,
  '6.12': linux6_12,
  '6.16': linux6_16,
  '6.17': linux6_16,
  '6.18': linux6_18,
  '6.19': linux6_18,
  '7.0': linux7_0,
  '7.1': linux7_0,
  '7.2': linux7_2,
  '7.3': linux7_2,
} as const satisfies Record<string, JitBehaviour>;

export type JitKernel = keyof typeof JIT_BEHAVIOUR;

/** The version a uname release such as `6.12.117+deb12-cloud-amd64` belongs to; undefined when there is no record of it. */
export function jitKernelOf(release: string): JitKernel | undefined {
  const version = /^(\d+\.\d+)/.exec(release)?.[1];
  return version !== undefined && version in JIT_BEHAVIOUR ? (version as JitKernel) : undefined;
}
