import { type Access, type Bus, REACHED, READ, WRITE } from './bus.ts';

/**
 * Loads and stores of 1, 2, 4 or 8 little-endian bytes at any alignment, as a core performs them: canonical check first
 * (SDM 1, 3.3.7.1), then each page touched, and nothing is written before every page was found writable.
 * A load leaves its zero-extended value in {@link lo} and {@link hi}; a fault leaves its particulars in the fault fields.
 */
export class MemoryPort {
  /** The halves of the value loaded last. */
  lo = 0;
  hi = 0;

  /** What faulted last: the first byte that could not be reached, how, and the hardware's error code. */
  faultLo = 0;
  faultHi = 0;
  faultAccess: Access = READ;
  faultCode = 0;

  readonly bus: Bus;

  /** Bits 63..n of a canonical address are equal; they lie in the high half, so this is n minus 32, less one: 15 or 24. */
  readonly #signShift: number;

  constructor(bus: Bus, virtualAddressBits: 48 | 57 = 48) {
    this.bus = bus;
    this.#signShift = virtualAddressBits - 33;
  }

  isCanonical(hi: number): boolean {
    const sign = hi >> this.#signShift;
    return sign === 0 || sign === -1;
  }

  /** Loads `size` bytes. `access` WRITE makes it the first half of a read-modify-write. */
  load(lo: number, hi: number, size: number, access: Access = READ): MemoryFault {
    if (!this.isCanonical(hi)) return NOT_CANONICAL;
    const offset = lo & 0xfff;
    if (offset + size > 4096) return this.#loadAcross(lo, hi, size, access);
    const code = this.bus.reach(lo, hi, access);
    if (code !== REACHED) return this.noteFault(lo, hi, access, code);
    const frame = this.bus.frame;
    const at = this.bus.frameStart + offset;
    switch (size) {
      case 8:
        this.lo = frame.getInt32(at, true);
        this.hi = frame.getInt32(at + 4, true);
        return NO_FAULT;
      case 4:
        this.lo = frame.getInt32(at, true);
        break;
      case 2:
        this.lo = frame.getUint16(at, true);
        break;
      default:
        this.lo = frame.getUint8(at);
    }
    this.hi = 0;
    return NO_FAULT;
  }

  /** Stores the low `size` bytes of a value. */
  store(lo: number, hi: number, size: number, valueLo: number, valueHi: number): MemoryFault {
    if (!this.isCanonical(hi)) return NOT_CANONICAL;
    const offset = lo & 0xfff;
    if (offset + size > 4096) return this.#storeAcross(lo, hi, size, valueLo, valueHi);
    const code = this.bus.reach(lo, hi, WRITE);
    if (code !== REACHED) return this.noteFault(lo, hi, WRITE, code);
    const frame = this.bus.frame;
    const at = this.bus.frameStart + offset;
    switch (size) {
      case 8:
        frame.setInt32(at, valueLo, true);
        frame.setInt32(at + 4, valueHi, true);
        break;
      case 4:
        frame.setInt32(at, valueLo, true);
        break;
      case 2:
        frame.setInt16(at, valueLo, true);
        break;
      default:
        frame.setInt8(at, valueLo);
    }
    return NO_FAULT;
  }

  #loadAcross(lo: number, hi: number, size: number, access: Access): MemoryFault {
    const fault = this.#probeBothPages(lo, hi, access);
    if (fault !== NO_FAULT) return fault;
    let low = 0;
    let high = 0;
    for (let index = 0; index < size; index++) {
      this.#reachByte(lo, hi, index, access);
      const byte = this.bus.frame.getUint8(this.bus.frameStart + ((lo + index) & 0xfff));
      if (index < 4) low |= byte << (8 * index);
      else high |= byte << (8 * (index - 4));
    }
    this.lo = low;
    this.hi = high;
    return NO_FAULT;
  }

  #storeAcross(lo: number, hi: number, size: number, valueLo: number, valueHi: number): MemoryFault {
    const fault = this.#probeBothPages(lo, hi, WRITE);
    if (fault !== NO_FAULT) return fault;
    for (let index = 0; index < size; index++) {
      this.#reachByte(lo, hi, index, WRITE);
      const byte = index < 4 ? valueLo >> (8 * index) : valueHi >> (8 * (index - 4));
      this.bus.frame.setInt8(this.bus.frameStart + ((lo + index) & 0xfff), byte);
    }
    return NO_FAULT;
  }

  #probeBothPages(lo: number, hi: number, access: Access): MemoryFault {
    const first = this.bus.reach(lo, hi, access);
    if (first !== REACHED) return this.noteFault(lo, hi, access, first);
    const nextLo = ((lo | 0xfff) + 1) | 0;
    const nextHi = nextLo === 0 ? (hi + 1) | 0 : hi;
    if (!this.isCanonical(nextHi)) return NOT_CANONICAL;
    const second = this.bus.reach(nextLo, nextHi, access);
    return second === REACHED ? NO_FAULT : this.noteFault(nextLo, nextHi, access, second);
  }

  #reachByte(lo: number, hi: number, index: number, access: Access): void {
    const byteLo = (lo + index) | 0;
    this.bus.reach(byteLo, byteLo >>> 0 < lo >>> 0 ? (hi + 1) | 0 : hi, access);
  }

  /** Records a page fault for whoever reports it. */
  noteFault(lo: number, hi: number, access: Access, code: number): MemoryFault {
    this.faultLo = lo;
    this.faultHi = hi;
    this.faultAccess = access;
    this.faultCode = code;
    return PAGE_FAULT;
  }
}

/** How an access ended: done, at a page that could not be reached, or at an address that is not canonical. */
export type MemoryFault = typeof NO_FAULT | typeof PAGE_FAULT | typeof NOT_CANONICAL;
export const NO_FAULT = 0;
export const PAGE_FAULT = 1;
export const NOT_CANONICAL = 2;
