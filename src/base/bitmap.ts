import type { Journal } from './journal.ts';

/**
 * A bitmap under a journal, in 32-bit words. A range is set or cleared word by word, so that the 32768 chunks of a whole
 * program pack cost 1024 journal entries and a small program costs one or two.
 */
export class Bitmap {
  /** Bits in the map, numbered from 0. */
  readonly length: number;
  readonly #journal: Journal;
  readonly #words: Uint32Array;
  /** No run of clear bits is longer than this, as far as searches and clearings have found out: a full pack is passed over at once. */
  readonly #known: { longestClear: number };

  constructor(journal: Journal, length: number) {
    this.#journal = journal;
    this.length = length;
    this.#words = new Uint32Array(Math.ceil(length / 32));
    this.#known = { longestClear: length };
  }

  has(bit: number): boolean {
    return ((this.#words[bit >>> 5]! >>> (bit & 31)) & 1) === 1;
  }

  setRange(first: number, count: number): void {
    this.#eachWord(first, count, (index, mask) => (this.#words[index]! | mask) >>> 0);
  }

  clearRange(first: number, count: number): void {
    this.#eachWord(first, count, (index, mask) => (this.#words[index]! & ~mask) >>> 0);
    const run = this.nextSet(first + count) - this.#pastLastSet(first);
    this.#learn(Math.max(this.#known.longestClear, run));
  }

  get isEmpty(): boolean {
    return this.nextSet(0) === this.length;
  }

  /** The lowest bit from which `count` bits (at least one) are all clear, or undefined when there is no such run. */
  firstClearRun(count: number): number | undefined {
    if (count > this.#known.longestClear) return undefined;
    for (let first = this.nextClear(0); first + count <= this.length; ) {
      const obstacle = this.nextSet(first);
      if (obstacle >= first + count) return first;
      first = this.nextClear(obstacle);
    }
    this.#learn(count - 1);
    return undefined;
  }

  /** The lowest set bit at or above `from`, or `length`. */
  nextSet(from: number): number {
    return this.#next(from, 0);
  }

  /** The lowest clear bit at or above `from`, or `length`. */
  nextClear(from: number): number {
    return this.#next(from, 0xffff_ffff);
  }

  /** Runs of set bits in order, as [first, last], both inclusive. */
  *setRuns(): Generator<readonly [number, number]> {
    for (let first = this.nextSet(0); first < this.length; ) {
      const past = this.nextClear(first);
      yield [first, past - 1];
      first = this.nextSet(past);
    }
  }

  /** The lowest bit at or above `from` that differs from those of `skipped`, a word of all zeros or all ones. */
  #next(from: number, skipped: number): number {
    if (from >= this.length) return this.length;
    let index = from >>> 5;
    let differing = (this.#words[index]! ^ skipped) & (-1 << (from & 31));
    while (differing === 0) {
      index++;
      if (index >= this.#words.length) return this.length;
      differing = this.#words[index]! ^ skipped;
    }
    return Math.min(this.length, index * 32 + 31 - Math.clz32(differing & -differing));
  }

  /** Where the run of clear bits begins that reaches up to `end`. */
  #pastLastSet(end: number): number {
    let index = end >>> 5;
    let set = this.#words[index]! & ~(-1 << (end & 31));
    while (set === 0) {
      if (index === 0) return 0;
      index--;
      set = this.#words[index]!;
    }
    return index * 32 + 32 - Math.clz32(set);
  }

  #learn(longestClear: number): void {
    if (longestClear !== this.#known.longestClear) this.#journal.set(this.#known, 'longestClear', longestClear);
  }

  #eachWord(first: number, count: number, replacement: (index: number, mask: number) => number): void {
    for (let bit = first; bit < first + count; ) {
      const index = bit >>> 5;
      const past = Math.min(first + count, (index + 1) * 32);
      const mask = past - bit === 32 ? 0xffff_ffff : (((1 << (past - bit)) - 1) << (bit & 31)) >>> 0;
      const word = replacement(index, mask);
      if (word !== this.#words[index]) this.#journal.set(this.#words, index, word);
      bit = past;
    }
  }
}
