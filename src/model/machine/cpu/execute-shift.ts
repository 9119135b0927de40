/**
 * SHL, SHR, SAR, ROL and ROR by an immediate or cl, SHLX, SHRX and SARX by a register, and BSWAP (SDM 2B).
 * A count is taken modulo 32, or modulo 64 for 64-bit operands. A count of zero leaves the flags alone but still writes
 * the destination, and so clears the upper half of a 32-bit one. OF is defined for a count of one only; for others it
 * is computed by the same rule, which is one of the values the undefined flag may have.
 */
import type { Core } from './core.ts';
import type { Decoded } from './decoded.ts';
import type { Outcome } from './exception.ts';

export function shl(core: Core, instruction: Decoded): Outcome {
  const outcome = core.prepare(instruction, 'write');
  if (outcome !== undefined) return outcome;
  const { width, left } = instruction;
  const lo = core.halves[left]!;
  const hi = core.halves[left + 1]!;
  const count = countOf(core, instruction);
  shiftLeft(core, lo, hi, count);
  if (count > 0) {
    shiftFlags(core, width, bitAt(lo, hi, width - count));
    core.flags.overflow = (core.flags.top >>> 31) ^ core.flags.carry;
  }
  return core.writeLeft(instruction, core.lo, core.hi);
}

export function shr(core: Core, instruction: Decoded): Outcome {
  const outcome = core.prepare(instruction, 'write');
  if (outcome !== undefined) return outcome;
  const { width, left } = instruction;
  const lo = core.halves[left]!;
  const hi = width === 64 ? core.halves[left + 1]! : 0;
  const count = countOf(core, instruction);
  shiftRight(core, lo, hi, count);
  if (count > 0) {
    shiftFlags(core, width, bitAt(lo, hi, count - 1));
    core.flags.overflow = bitAt(lo, hi, width - 1);
  }
  return core.writeLeft(instruction, core.lo, core.hi);
}

/** A 32-bit operand is first widened by its own sign, so that one rule serves both widths. */
export function sar(core: Core, instruction: Decoded): Outcome {
  const outcome = core.prepare(instruction, 'write');
  if (outcome !== undefined) return outcome;
  const { width, left } = instruction;
  const lo = core.halves[left]!;
  const hi = width === 64 ? core.halves[left + 1]! : lo >> 31;
  const count = countOf(core, instruction);
  shiftRightSigned(core, lo, hi, count);
  if (count > 0) {
    shiftFlags(core, width, bitAt(lo, hi, count - 1));
    core.flags.overflow = 0;
  }
  return core.writeLeft(instruction, core.lo, core.hi);
}

/** Rotates change CF and OF only. */
export function rol(core: Core, instruction: Decoded): Outcome {
  const outcome = core.prepare(instruction, 'write');
  if (outcome !== undefined) return outcome;
  const { width, left } = instruction;
  const count = countOf(core, instruction);
  rotateLeft(core, width, core.halves[left]!, core.halves[left + 1]!, count);
  if (count > 0) {
    core.flags.carry = core.lo & 1;
    core.flags.overflow = bitAt(core.lo, core.hi, width - 1) ^ core.flags.carry;
  }
  return core.writeLeft(instruction, core.lo, core.hi);
}

/** The only instruction here with a 16-bit form, which swaps two bytes and leaves the rest of the register. */
export function ror(core: Core, instruction: Decoded): Outcome {
  const outcome = core.prepare(instruction, 'write');
  if (outcome !== undefined) return outcome;
  const { width, left } = instruction;
  const lo = core.halves[left]!;
  const hi = core.halves[left + 1]!;
  const count = countOf(core, instruction);
  rotateLeft(core, width, width === 16 ? lo & 0xffff : lo, hi, width - (count % width));
  if (count > 0) {
    core.flags.carry = bitAt(core.lo, core.hi, width - 1);
    core.flags.overflow = core.flags.carry ^ bitAt(core.lo, core.hi, width - 2);
  }
  if (width === 16 && instruction.rm >= 0) {
    core.halves[left] = (lo & ~0xffff) | (core.lo & 0xffff);
    return undefined;
  }
  return core.writeLeft(instruction, core.lo, core.hi);
}

/** SHLX, SHRX and SARX change no flags at all; their destination is neither of the operands. */
export function shlx(core: Core, instruction: Decoded): Outcome {
  const outcome = core.prepare(instruction);
  if (outcome !== undefined) return outcome;
  const { left } = instruction;
  shiftLeft(core, core.halves[left]!, core.halves[left + 1]!, countOf(core, instruction));
  return writeRegister(core, instruction);
}

export function shrx(core: Core, instruction: Decoded): Outcome {
  const outcome = core.prepare(instruction);
  if (outcome !== undefined) return outcome;
  const { left } = instruction;
  const hi = instruction.width === 64 ? core.halves[left + 1]! : 0;
  shiftRight(core, core.halves[left]!, hi, countOf(core, instruction));
  return writeRegister(core, instruction);
}

export function sarx(core: Core, instruction: Decoded): Outcome {
  const outcome = core.prepare(instruction);
  if (outcome !== undefined) return outcome;
  const { left } = instruction;
  const lo = core.halves[left]!;
  const hi = instruction.width === 64 ? core.halves[left + 1]! : lo >> 31;
  shiftRightSigned(core, lo, hi, countOf(core, instruction));
  return writeRegister(core, instruction);
}

export function bswap(core: Core, instruction: Decoded): Outcome {
  const { left } = instruction;
  const lo = swapBytes(core.halves[left]!);
  const hi = swapBytes(core.halves[left + 1]!);
  return instruction.width === 64 ? core.writeLeft(instruction, hi, lo) : core.writeLeft(instruction, lo, 0);
}

/** The masked count. A 16-bit operand's count is masked with 31 too (SDM 2B, RCL/RCR/ROL/ROR). */
function countOf(core: Core, instruction: Decoded): number {
  const source = instruction.immediate ?? core.halves;
  return source[instruction.right]! & (instruction.width === 64 ? 63 : 31);
}

function shiftLeft(core: Core, lo: number, hi: number, count: number): void {
  if (count >= 32) {
    core.lo = 0;
    core.hi = lo << (count - 32);
  } else {
    core.lo = lo << count;
    core.hi = count > 0 ? (hi << count) | (lo >>> (32 - count)) : hi;
  }
}

function shiftRight(core: Core, lo: number, hi: number, count: number): void {
  if (count >= 32) {
    core.lo = (hi >>> (count - 32)) | 0;
    core.hi = 0;
  } else {
    core.lo = count > 0 ? (lo >>> count) | (hi << (32 - count)) : lo;
    core.hi = (hi >>> count) | 0;
  }
}

function shiftRightSigned(core: Core, lo: number, hi: number, count: number): void {
  if (count >= 32) {
    core.lo = hi >> (count - 32);
    core.hi = hi >> 31;
  } else {
    core.lo = count > 0 ? (lo >>> count) | (hi << (32 - count)) : lo;
    core.hi = hi >> count;
  }
}

/** For widths below 64 only the low half counts, and bits above the width in the result mean nothing. */
function rotateLeft(core: Core, width: number, lo: number, hi: number, count: number): void {
  const rest = count & (width === 64 ? 31 : width - 1);
  if (width < 64) {
    core.lo = rest > 0 ? (lo << rest) | (lo >>> (width - rest)) : lo;
    core.hi = 0;
    return;
  }
  const low = (count & 32) === 0 ? lo : hi;
  const high = (count & 32) === 0 ? hi : lo;
  core.lo = rest > 0 ? (low << rest) | (high >>> (32 - rest)) : low;
  core.hi = rest > 0 ? (high << rest) | (low >>> (32 - rest)) : high;
}

function shiftFlags(core: Core, width: number, carry: number): void {
  core.flags.carry = carry;
  if (width === 64) core.flags.fromResult(core.lo | core.hi, core.hi);
  else core.flags.fromResult(core.lo, core.lo);
}

function writeRegister(core: Core, { register, width }: Decoded): Outcome {
  core.halves[2 * register] = core.lo;
  core.halves[2 * register + 1] = width === 64 ? core.hi : 0;
  return undefined;
}

function bitAt(lo: number, hi: number, position: number): number {
  return (position < 32 ? lo >>> position : hi >>> (position - 32)) & 1;
}

function swapBytes(half: number): number {
  return ((half & 0xff) << 24) | ((half & 0xff00) << 8) | ((half >>> 8) & 0xff00) | (half >>> 24);
}
