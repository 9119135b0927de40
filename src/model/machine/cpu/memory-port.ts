import type { Access, Bus } from './bus.ts';

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
  faultAccess: Access = 'read';
  faultCode = 0;

  readonly bus: Bus;

  /** High halves of canonical addresses, as signed numbers, reach from minus this to just below it. */
  readonly #canonicalBound: number;

  constructor(bus: Bus, virtualAddressBits: 48 | 57 = 48) {
    this.bus = bus;
    this.#canonicalBound = 1 << (virtualAddressBits - 33);
  }

  isCanonical(hi: number): boolean {
    return hi < this.#canonicalBound && hi >= -this.#canonicalBound;
  }

  /** Loads `size` bytes. `access` 'write' makes it the first half of a read-modify-write. */
  load(lo: number, hi: number, size: number, access: Access = 'read'): MemoryFault | undefined {
    if (!this.isCanonical(hi)) return 'non-canonical';
    const offset = lo & 0xfff;
    if (offset + size > 4096) return this.#loadAcross(lo, hi, size, access);
    if (!this.bus.reach(lo, hi, access)) return this.noteFault(lo, hi, access);
    const frame = this.bus.frame;
    const at = this.bus.frameStart + offset;
    switch (size) {
      case 8:
        this.lo = frame.getInt32(at, true);
        this.hi = frame.getInt32(at + 4, true);
        return undefined;
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
    return undefined;
  }

  /** Stores the low `size` bytes of a value. */
  store(lo: number, hi: number, size: number, valueLo: number, valueHi: number): MemoryFault | undefined {
    if (!this.isCanonical(hi)) return 'non-canonical';
    const offset = lo & 0xfff;
    if (offset + size > 4096) return this.#storeAcross(lo, hi, size, valueLo, valueHi);
    if (!this.bus.reach(lo, hi, 'write')) return this.noteFault(lo, hi, 'write');
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
    return undefined;
  }

  #loadAcross(lo: number, hi: number, size: number, access: Access): MemoryFault | undefined {
    const fault = this.#probeBothPages(lo, hi, access);
    if (fault !== undefined) return fault;
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
    return undefined;
  }

  #storeAcross(lo: number, hi: number, size: number, valueLo: number, valueHi: number): MemoryFault | undefined {
    const fault = this.#probeBothPages(lo, hi, 'write');
    if (fault !== undefined) return fault;
    for (let index = 0; index < size; index++) {
      this.#reachByte(lo, hi, index, 'write');
      const byte = index < 4 ? valueLo >> (8 * index) : valueHi >> (8 * (index - 4));
      this.bus.frame.setInt8(this.bus.frameStart + ((lo + index) & 0xfff), byte);
    }
    return undefined;
  }

  #probeBothPages(lo: number, hi: number, access: Access): MemoryFault | undefined {
    if (!this.bus.reach(lo, hi, access)) return this.noteFault(lo, hi, access);
    const nextLo = ((lo | 0xfff) + 1) | 0;
    const nextHi = nextLo === 0 ? (hi + 1) | 0 : hi;
    if (!this.isCanonical(nextHi)) return 'non-canonical';
    return this.bus.reach(nextLo, nextHi, access) ? undefined : this.noteFault(nextLo, nextHi, access);
  }

  #reachByte(lo: number, hi: number, index: number, access: Access): void {
    const byteLo = (lo + index) | 0;
    this.bus.reach(byteLo, byteLo >>> 0 < lo >>> 0 ? (hi + 1) | 0 : hi, access);
  }

  /** Records a page fault for whoever reports it. */
  noteFault(lo: number, hi: number, access: Access): MemoryFault {
    this.faultLo = lo;
    this.faultHi = hi;
    this.faultAccess = access;
    this.faultCode = this.bus.errorCode;
    return 'page-fault';
  }
}

/** Why an access did not happen: a page that could not be reached, or an address that is not canonical. */
export type MemoryFault = 'page-fault' | 'non-canonical';
