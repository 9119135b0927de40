/**
 * What a CPU sees of memory: one question, "where do the bytes of this virtual address lie, and may I use them so?".
 * Addresses come as two signed 32-bit halves and answers are left in fields, because this is asked once per access and
 * a bigint or an object per answer would cost more than the access (see the README's note on speed).
 *
 * The model's MMU implements it over page tables and TLBs; {@link FlatMemory} implements it without either.
 */

/** How an address is used. The numbers are the bits of the page-fault error code (SDM 3A, 4.7): W/R is 2, I/D is 16. */
export type Access = typeof READ | typeof WRITE | typeof EXECUTE;
export const READ = 0;
export const WRITE = 2;
export const EXECUTE = 16;

/** The answer of {@link Bus.reach} when there is no fault; every other answer is an error code, which is never negative. */
export const REACHED = -1;

/** Bit 0 of an error code: the page was present and the access was against its rights. */
export const PROTECTION = 1;

export interface Bus {
  /**
   * Looks up the page of a canonical address for one access. A read-modify-write access asks for WRITE.
   * @returns {@link REACHED}, or the page-fault error code the hardware would push.
   */
  reach(lo: number, hi: number, access: Access): number;

  /** The memory the last successful {@link reach} found; valid until the next one. */
  readonly frame: DataView;

  /** Where in {@link frame} the page starts. */
  readonly frameStart: number;

  /** After a successful EXECUTE: names this content of this frame. It differs after any change of either. */
  readonly codeGeneration: number;

  /** Differs whenever any answer for EXECUTE may differ: a mapping changed, or code bytes were opened for writing. */
  readonly codeEpoch: number;
}
