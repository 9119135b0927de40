/**
 * The status flags of RFLAGS (SDM 1, 3.4.3.1), kept as the words they are read from rather than as bits: an instruction
 * sets them ten times for every time a branch asks. Flags an instruction leaves undefined keep their value. PF and AF
 * are left out: the JIT never jumps on parity, and only lahf and pushf could show either.
 */
export class Flags {
  /** CF and OF, each 0 or 1. */
  carry = 0;
  overflow = 0;

  /** SF is bit 31 of this word: the top half of the last result. */
  top = 0;

  /** ZF is set when this word, all bits of the last result or'ed together, is zero. */
  any = 1;

  /** Sets ZF and SF from a result: all its bits together, and the half that holds its sign bit. */
  fromResult(any: number, top: number): void {
    this.any = any;
    this.top = top;
  }

  /** CF, OF and SF of left + right = result, given as the halves that hold the sign bits. */
  fromSum(left: number, right: number, result: number): void {
    this.top = result;
    this.carry = ((left & right) | ((left | right) & ~result)) >>> 31;
    this.overflow = ((left ^ result) & (right ^ result)) >>> 31;
  }

  /** CF, OF and SF of left - right = result, given as the halves that hold the sign bits. */
  fromDifference(left: number, right: number, result: number): void {
    this.top = result;
    this.carry = ((~left & right) | ((~left | right) & result)) >>> 31;
    this.overflow = ((left ^ right) & (left ^ result)) >>> 31;
  }

  /**
   * Whether a condition holds. `condition` is the low nibble of Jcc, SETcc and CMOVcc opcodes (SDM 1, appendix B):
   * an odd code negates the even one before it. The parity conditions, a and b, are not among them.
   */
  holds(condition: number): boolean {
    return this.#positive(condition >> 1) !== ((condition & 1) === 1);
  }

  #positive(pair: number): boolean {
    switch (pair) {
      case 0:
        return this.overflow === 1;
      case 1:
        return this.carry === 1;
      case 2:
        return this.any === 0;
      case 3:
        return this.carry === 1 || this.any === 0;
      case 4:
        return this.top < 0;
      case 6:
        return this.top >>> 31 !== this.overflow;
      default:
        return this.any === 0 || this.top >>> 31 !== this.overflow;
    }
  }

  /** The flags as RFLAGS shows them: CF 0, ZF 6, SF 7, OF 11. */
  get image(): number {
    return this.carry | (this.any === 0 ? 1 << 6 : 0) | ((this.top >>> 31) << 7) | (this.overflow << 11);
  }
}
