import type { Frame } from './frame.ts';

/** Where the words of an access gather: three hold eight bytes at any offset. */
const words = new Uint32Array(4);
const view = new DataView(words.buffer);
const WORDS_PER_PAGE = 1024;

/**
 * One, two, four or eight bytes of physical memory, little-endian, which may lie in two frames. They are read and written by
 * words of 32 bits, which costs a tenth of what bytes cost.
 */
export class PhysicalBytes {
  readonly #first: Frame;
  readonly #last: Frame;
  /** The number of the first word in its frame. */
  readonly #word: number;
  /** Where in the first word the bytes begin. */
  readonly #start: number;
  /** Where they end, counted from the same place: up to 11. */
  readonly #end: number;

  /** @param offset of the first byte in its frame; what does not fit there lies at the start of the last frame */
  constructor(first: Frame, last: Frame, offset: number, size: number) {
    this.#first = first;
    this.#last = last;
    this.#word = offset >>> 2;
    this.#start = offset & 3;
    this.#end = this.#start + size;
  }

  read(): bigint {
    for (let at = 0; at << 2 < this.#end; at++) {
      const word = this.#word + at;
      words[at] = word < WORDS_PER_PAGE ? this.#first.word(word) : this.#last.word(word - WORDS_PER_PAGE);
    }
    switch (this.#end - this.#start) {
      case 1:
        return BigInt(view.getUint8(this.#start));
      case 2:
        return BigInt(view.getUint16(this.#start, true));
      case 4:
        return BigInt(view.getUint32(this.#start, true));
      default:
        return view.getBigUint64(this.#start, true);
    }
  }

  /** Writes the low bytes of the value. */
  write(value: bigint): void {
    view.setBigUint64(this.#start, value, true);
    for (let at = 0; at << 2 < this.#end; at++) {
      const word = this.#word + at;
      const mask = bitsFrom(this.#start - (at << 2)) & ~bitsFrom(this.#end - (at << 2));
      if (word < WORDS_PER_PAGE) this.#first.setBits(word, words[at]!, mask);
      else this.#last.setBits(word - WORDS_PER_PAGE, words[at]!, mask);
    }
  }
}

/** The bits of a word from this byte on: all of them below 0, none from 4 on. */
const bitsFrom = (byte: number): number => (byte >= 4 ? 0 : byte <= 0 ? -1 : -1 << (8 * byte));
