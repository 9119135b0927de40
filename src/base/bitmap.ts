import type { Journal } from './journal.ts';

/**
 * A bitmap under a journal, in 32-bit words. A range is set or cleared word by word, so that the 32768 chunks of a whole
 * program pack cost 1024 journal entries and a small program costs one or two.
 *
 * For each group of bits it knows a length that no run of clear bits beginning there exceeds: changes raise it, and a search
 * in vain makes it exact. So a search passes over groups, and over whole maps, however many short runs they hold.
 */
export class Bitmap {
  /** Bits in the map, numbered from 0. */
  readonly length: number;
  readonly #journal: Journal;
  readonly #words: Uint32Array;
  /** By group: no run that begins there is longer. */
  readonly #longestFrom: Uint32Array;
  /** The same for all groups together. */
  readonly #known: { longestClear: number };

  constructor(journal: Journal, length: number) {
    this.#journal = journal;
    this.length = length;
    this.#words = new Uint32Array(Math.ceil(length / 32));
    this.#longestFrom = new Uint32Array(Math.ceil(length / GROUP));
    this.#longestFrom[0] = length;
    this.#known = { longestClear: length };
  }

  has(bit: number): boolean {
    return ((this.#words[bit >>> 5]! >>> (bit & 31)) & 1) === 1;
  }

  setRange(first: number, count: number): void {
    this.#eachWord(first, count, (index, mask) => (this.#words[index]! | mask) >>> 0);
    const end = first + count;
    if (end < this.length) this.#raise(end, this.nextSet(end) - end);
  }

  clearRange(first: number, count: number): void {
    this.#eachWord(first, count, (index, mask) => (this.#words[index]! & ~mask) >>> 0);
    const start = this.#pastLastSet(first);
    const length = this.nextSet(first + count) - start;
    this.#raise(start, length);
    this.#learn(Math.max(this.#known.longestClear, length));
  }

  get isEmpty(): boolean {
    return this.nextSet(0) === this.length;
  }

  /** The lowest bit from which `count` bits (at least one) are all clear, or undefined when there is no such run. */
  firstClearRun(count: number): number | undefined {
    if (count > this.#known.longestClear) return undefined;
    for (let group = 0; group < this.#longestFrom.length; group++) {
      if (this.#longestFrom[group]! < count) continue;
      const found = this.#firstRunFrom(group, count);
      if (found !== undefined) return found;
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

  /** The lowest run of at least `count` that begins in the group; with none, the group's longest run is known. */
  #firstRunFrom(group: number, count: number): number | undefined {
    const begin = group * GROUP;
    const end = Math.min(this.length, begin + GROUP);
    const isCut = begin > 0 && !this.has(begin - 1);
    let longest = 0;
    for (let first = this.nextClear(isCut ? this.nextSet(begin) : begin); first < end; ) {
      const past = this.nextSet(first);
      if (past - first >= count) return first;
      longest = Math.max(longest, past - first);
      first = this.nextClear(past);
    }
    this.#journal.set(this.#longestFrom, group, longest);
    return undefined;
  }

  /** A run of this length begins at the bit now. */
  #raise(first: number, length: number): void {
    const group = Math.floor(first / GROUP);
    if (length > this.#longestFrom[group]!) this.#journal.set(this.#longestFrom, group, length);
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

/** Bits in a group: 64 words. */
const GROUP = 2048;
