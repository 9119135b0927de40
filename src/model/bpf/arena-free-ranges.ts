/** A run of page slots, both ends included, as the kernel's trees keep them. */
export interface Run {
  readonly first: number;
  readonly last: number;
}

/** Why a claim failed. */
export type ClaimFailure = '-ENOMEM' | '-EBUSY';

/**
 * The arena's book of which page slots may be handed out. Slots are raw: the kernel computes them modulo 2^20 and adds a
 * count, so a free below the base of the arena names slots far above its end (facts F25), and a book must keep them.
 *
 * Two kernels, two books: a range tree of free slots since 6.13, a maple tree of allocated ones before.
 */
export interface FreeRanges {
  /**
   * Takes `count` slots from wherever the policy says, below `bound` where the book has no end of its own.
   * Undefined when no run fits.
   */
  allocate(count: number, bound: number): number | ClaimFailure | undefined;
  /** Takes exactly these slots, or says `-EBUSY` when one of them is not free. */
  claim(first: number, count: number): ClaimFailure | undefined;
  /** Takes one slot for a page that user space touched. What an occupied slot means differs between the books. */
  claimForFault(slot: number): ClaimFailure | undefined;
  /** Gives slots back; slots that are free already stay free. */
  release(first: number, count: number): ClaimFailure | undefined;
  /** Gives back what {@link allocate}, {@link claim} or {@link claimForFault} just took. */
  rollBack(first: number, count: number): void;
  /** The free slots as maximal runs in address order: what a reader of the kernel's tree sees. */
  runs(): Iterable<Run>;
  isFree(slot: number): boolean;
}
