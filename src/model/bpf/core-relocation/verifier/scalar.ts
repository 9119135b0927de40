/** Arithmetic on known 64-bit values and the conditions of jumps, by RFC 9669 sections 4.1 to 4.3; words are unsigned bigints. */
import { s64, u64 } from '../../../../base/word.ts';

/** The result of an operation of 32 or 64 bits; undefined for one that is not folded (byte swaps). */
export function compute(operation: number, bits: 32 | 64, left: bigint, right: bigint): bigint | undefined {
  const cut = (value: bigint): bigint => BigInt.asUintN(bits, value);
  const signed = (value: bigint): bigint => BigInt.asIntN(bits, value);
  const a = cut(left);
  const b = cut(right);
  const shift = b & BigInt(bits - 1);
  switch (operation) {
    case 0:
      return cut(a + b);
    case 1:
      return cut(a - b);
    case 2:
      return cut(a * b);
    case 3:
      return b === 0n ? 0n : a / b;
    case 4:
      return a | b;
    case 5:
      return a & b;
    case 6:
      return cut(a << shift);
    case 7:
      return a >> shift;
    case 8:
      return cut(-a);
    case 9:
      return b === 0n ? a : a % b;
    case 10:
      return a ^ b;
    case 11:
      return b;
    case 12:
      return cut(signed(a) >> shift);
    default:
      return undefined;
  }
}

/** Whether a conditional jump is taken. */
export function holds(operation: number, bits: 32 | 64, left: bigint, right: bigint): boolean {
  const a = BigInt.asUintN(bits, left);
  const b = BigInt.asUintN(bits, right);
  const signed = (value: bigint): bigint => (bits === 64 ? s64(value) : BigInt.asIntN(32, value));
  switch (operation) {
    case 1:
      return a === b;
    case 2:
      return a > b;
    case 3:
      return a >= b;
    case 4:
      return (a & b) !== 0n;
    case 5:
      return a !== b;
    case 6:
      return signed(a) > signed(b);
    case 7:
      return signed(a) >= signed(b);
    case 10:
      return a < b;
    case 11:
      return a <= b;
    case 12:
      return signed(a) < signed(b);
    default:
      return signed(a) <= signed(b);
  }
}

/** An immediate as a 64-bit operand: sign-extended. */
export const operand = (immediate: number): bigint => u64(BigInt(immediate));
