import type { Journal, Undoable } from './journal.ts';

/** Keys in one block: as many as a page table has entries, for keys are mostly page or frame numbers. */
const BLOCK = 512;
const BLOCK_BITS = 9;

/**
 * Small numbers by number, 0 where nothing was set, under a journal: reference counts of frames, frames of pages. Keys are
 * whole numbers up to 2^40, values are of 32 bits with a sign. Blocks of keys that lie together make it several times faster
 * and smaller than a map, and memory is bounded by the blocks touched.
 */
export class JournaledNumbers implements Undoable {
  readonly #journal: Journal;
  readonly #blocks = new Map<number, Int32Array>();
  /** The block asked for last: neighbours are asked for together. */
  #last: Int32Array = NO_BLOCK;
  #lastNumber = -1;

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  get(key: number): number {
    const number = blockOf(key);
    if (number === this.#lastNumber) return this.#last[key & (BLOCK - 1)]!;
    const block = this.#blocks.get(number);
    if (block === undefined) return 0;
    this.#last = block;
    this.#lastNumber = number;
    return block[key & (BLOCK - 1)]!;
  }

  set(key: number, value: number): void {
    const block = this.#blockFor(key);
    const place = key & (BLOCK - 1);
    this.#journal.record(this, key, block[place]);
    block[place] = value;
  }

  /** Keys whose number is not 0, by the age of their block. */
  *keys(): Generator<number> {
    for (const [number, block] of this.#blocks) {
      for (let place = 0; place < BLOCK; place++) if (block[place] !== 0) yield number * BLOCK + place;
    }
  }

  undo(key: unknown, old: unknown): void {
    this.#blockFor(key as number)[(key as number) & (BLOCK - 1)] = old as number;
  }

  #blockFor(key: number): Int32Array {
    const number = blockOf(key);
    if (number === this.#lastNumber) return this.#last;
    let block = this.#blocks.get(number);
    if (block === undefined) {
      block = new Int32Array(BLOCK);
      this.#blocks.set(number, block);
    }
    this.#last = block;
    this.#lastNumber = number;
    return block;
  }
}

/** Most keys fit 32-bit arithmetic, which is faster than division; the low bits of larger ones are those of their low word. */
const blockOf = (key: number): number => (key < 2 ** 31 ? key >> BLOCK_BITS : Math.floor(key / BLOCK));

const NO_BLOCK = new Int32Array(BLOCK);
