/**
 * What a CPU sees of memory: one question, "where do the bytes of this virtual address lie, and may I use them so?".
 * Addresses come as two signed 32-bit halves and answers are left in fields, because this is asked once per access and
 * a bigint or an object per answer would cost more than the access (see the README's note on speed).
 *
 * The model's MMU implements it over page tables and TLBs; {@link FlatMemory} implements it without either.
 */

/** How an address is used. A read-modify-write access is a 'write'. */
export type Access = 'read' | 'write' | 'execute';

export interface Bus {
  /** Looks up the page of a canonical address for one access. When it says no, {@link errorCode} says why. */
  reach(lo: number, hi: number, access: Access): boolean;

  /** The page-fault error code the hardware would push for the last refusal (SDM 3A, 4.7). */
  readonly errorCode: number;

  /** The memory the last successful {@link reach} found; valid until the next one. */
  readonly frame: DataView;

  /** Where in {@link frame} the page starts. */
  readonly frameStart: number;

  /** After a successful 'execute': names this content of this frame. It differs after any change of either. */
  readonly codeGeneration: number;

  /** Told of every address at which a run of instructions is decoded to be executed. */
  begins?(lo: number, hi: number): void;

  /** Differs whenever any answer for 'execute' may differ: a mapping changed, or code bytes were opened for writing. */
  readonly codeEpoch: number;
}

/** Bits of a page-fault error code: the page was present but not for this, it was written, it was fetched as code. */
export const ERROR_PRESENT = 1;
export const ERROR_WRITE = 2;
export const ERROR_FETCH = 16;
