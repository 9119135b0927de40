/**
 * Decisions of the JIT that some kernel once got wrong, each by itself, so that a fault can put the wrong one back without
 * the compiler knowing of faults. What differs between kernels on purpose is {@link JitBehaviour}; more of the old mistakes
 * are plain values there (`shortJumpReach`, `probeCheck`, `tailCallCounter`).
 */
import { R10, RAX, RBP } from './registers.ts';

export interface JitDecisions {
  /** Whether storing the lowest byte of a register takes a REX prefix; without it bpl would be ch (aee194b14dd2, 5.7). */
  readonly byteNeedsRex: (register: number) => boolean;
  /** Where a fetching loop finds an operand of its instruction while rax belongs to cmpxchg (b29dd96b905f, 5.12). */
  readonly fetchOperand: (register: number) => number;
  /** Which offset an exception entry names: of the access, not of the checks in front of it (328aac5ecd11, 5.14). */
  readonly faultingOffset: (sequence: { readonly start: number; readonly access: number }) => number;
  /** How many bytes the handler skips: the access, wherever its sequence began (433956e91200, 5.16). */
  readonly skippedBytes: (sequence: {
    readonly start: number;
    readonly access: number;
    readonly end: number;
  }) => number;
  /** Bytes between the frame pointer and the tail-call counter that a call passes on: rounded up (ff672c67ee76, 5.19). */
  readonly counterDistance: (frame: { readonly stackDepth: number; readonly stackBytes: number }) => number;
  /** From which offset a call's displacement counts: where the call is, behind the accounting (9d98aa088386, 6.9). */
  readonly callOffset: (sequence: { readonly start: number; readonly call: number }) => number;
  /** Whether the check of a probing load counts the offset, which may wrap around (588a25e92458, 5.16). */
  readonly probesWithOffset: boolean;
  /** After how many passes a function is given up, and from which on jumps are padded (93c5aecc35c6, 5.12: from never). */
  readonly passes: { readonly most: number; readonly firstPadded: number };
}

export const SOUND_DECISIONS: JitDecisions = {
  byteNeedsRex: (register) => register >= RBP,
  fetchOperand: (register) => (register === RAX ? R10 : register),
  faultingOffset: ({ access }) => access,
  skippedBytes: ({ access, end }) => end - access,
  counterDistance: ({ stackBytes }) => stackBytes,
  callOffset: ({ call }) => call,
  probesWithOffset: true,
  passes: { most: 20, firstPadded: 15 },
};
