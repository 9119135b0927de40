import { PAGE_SIZE } from '../../base/page.ts';
import type { Frame } from './frame.ts';

/** One to eight bytes of physical memory, little-endian, which may lie in two frames. */
export class PhysicalBytes {
  readonly #first: Frame;
  readonly #last: Frame;
  readonly #offset: number;
  readonly #size: number;

  /** @param offset of the first byte in its frame; what does not fit there lies at the start of the last frame */
  constructor(first: Frame, last: Frame, offset: number, size: number) {
    this.#first = first;
    this.#last = last;
    this.#offset = offset;
    this.#size = size;
  }

  read(): bigint {
    let value = 0n;
    for (let at = this.#size - 1; at >= 0; at--) value = (value << 8n) | BigInt(this.#byte(at));
    return value;
  }

  /** Writes the low bytes of the value. */
  write(value: bigint): void {
    const bytes = new Uint8Array(this.#size);
    let rest = BigInt.asUintN(64, value);
    for (let at = 0; at < this.#size; at++) {
      bytes[at] = Number(rest & 0xffn);
      rest >>= 8n;
    }
    const fits = Math.min(this.#size, PAGE_SIZE - this.#offset);
    this.#first.write(this.#offset, bytes.subarray(0, fits));
    this.#last.write(0, bytes.subarray(fits));
  }

  #byte(at: number): number {
    const offset = this.#offset + at;
    return offset < PAGE_SIZE ? this.#first.byteAt(offset) : this.#last.byteAt(offset - PAGE_SIZE);
  }
}
