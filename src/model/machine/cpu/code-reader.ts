/** Code bytes read in order. Reading past the end yields zeros and is remembered, so that no step has to check. */
export class CodeReader {
  truncated = false;

  readonly #bytes: DataView;
  readonly #start: number;
  readonly #end: number;
  #at: number;

  constructor(bytes: DataView, start: number, end: number) {
    this.#bytes = bytes;
    this.#start = start;
    this.#end = end;
    this.#at = start;
  }

  /** Bytes read so far. */
  get length(): number {
    return this.#at - this.#start;
  }

  byte(): number {
    return this.#take(1) ? this.#bytes.getUint8(this.#at - 1) : 0;
  }

  /** A signed little-endian number of 1, 2 or 4 bytes. */
  signed(size: 1 | 2 | 4): number {
    if (!this.#take(size)) return 0;
    const from = this.#at - size;
    if (size === 1) return this.#bytes.getInt8(from);
    return size === 2 ? this.#bytes.getInt16(from, true) : this.#bytes.getInt32(from, true);
  }

  #take(size: number): boolean {
    this.#at += size;
    if (this.#at <= this.#end) return true;
    this.truncated = true;
    return false;
  }
}
