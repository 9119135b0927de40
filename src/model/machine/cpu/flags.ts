/**
 * The status flags of RFLAGS (SDM 1, 3.4.3.1), kept as the words they are read from rather than as bits: an instruction
 * sets them ten times for every time a branch asks. Flags an instruction leaves undefined keep their value. AF is left
 * out: in 64-bit mode only lahf and pushf can see it, and this CPU has neither.
 */
export class Flags {
  /** CF and OF, each 0 or 1. */
  carry = 0;
  overflow = 0;

  /** SF is bit 31 of this word: the top half of the last result. */
  top = 0;

  /** ZF is set when this word, all bits of the last result or'ed together, is zero. */
  any = 1;

  /** PF is set when the low byte of this word, the low half of the last result, has an even number of ones. */
  low = 1;

  /** Sets PF, ZF and SF from a result: its low half, all its bits together, and the half that holds its sign bit. */
  fromResult(low: number, any: number, top: number): void {
    this.low = low;
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
   * an odd code negates the even one before it.
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
      case 5:
        return evenParity(this.low);
      case 6:
        return this.top >>> 31 !== this.overflow;
      default:
        return this.any === 0 || this.top >>> 31 !== this.overflow;
    }
  }

  /** The flags as RFLAGS shows them: CF 0, PF 2, ZF 6, SF 7, OF 11. */
  get image(): number {
    return (
      this.carry |
      (evenParity(this.low) ? 1 << 2 : 0) |
      (this.any === 0 ? 1 << 6 : 0) |
      ((this.top >>> 31) << 7) |
      (this.overflow << 11)
    );
  }
}

function evenParity(word: number): boolean {
  let byte = word & 0xff;
  byte ^= byte >> 4;
  byte ^= byte >> 2;
  byte ^= byte >> 1;
  return (byte & 1) === 0;
}
