/**
 * ADD, SUB, AND, OR, XOR, CMP, TEST and NEG at 32 and 64 bits (SDM 2A and 2B), on signed halves. The destination is
 * written after everything that can fault was reached, so an instruction that faults has changed nothing but flags
 * nobody sees: the faulting instruction is executed again or the program is over.
 */
import { READ, WRITE } from './bus.ts';
import { type Core, carryOf } from './core.ts';
import { type Decoded, PREPARE_NOTHING } from './decoded.ts';
import { type Outcome, RETIRED } from './exception.ts';

export function add(core: Core, instruction: Decoded): Outcome {
  if (instruction.prepare !== PREPARE_NOTHING) {
    const outcome = core.prepare(instruction, WRITE);
    if (outcome !== RETIRED) return outcome;
  }
  const { halves } = core;
  const { left, right } = instruction;
  sum(core, instruction.width, halves[left]!, halves[left + 1]!, halves[right]!, halves[right + 1]!);
  return core.writeLeft(instruction, core.lo, core.hi);
}

export function sub(core: Core, instruction: Decoded): Outcome {
  if (instruction.prepare !== PREPARE_NOTHING) {
    const outcome = core.prepare(instruction, WRITE);
    if (outcome !== RETIRED) return outcome;
  }
  const { halves } = core;
  const { left, right } = instruction;
  difference(core, instruction.width, halves[left]!, halves[left + 1]!, halves[right]!, halves[right + 1]!);
  return core.writeLeft(instruction, core.lo, core.hi);
}

export function cmp(core: Core, instruction: Decoded): Outcome {
  if (instruction.prepare !== PREPARE_NOTHING) {
    const outcome = core.prepare(instruction, READ);
    if (outcome !== RETIRED) return outcome;
  }
  const { halves } = core;
  const { left, right } = instruction;
  difference(core, instruction.width, halves[left]!, halves[left + 1]!, halves[right]!, halves[right + 1]!);
  return RETIRED;
}

export function and(core: Core, instruction: Decoded): Outcome {
  if (instruction.prepare !== PREPARE_NOTHING) {
    const outcome = core.prepare(instruction, WRITE);
    if (outcome !== RETIRED) return outcome;
  }
  const { halves } = core;
  const { left, right } = instruction;
  const lo = halves[left]! & halves[right]!;
  const hi = halves[left + 1]! & halves[right + 1]!;
  logicalFlags(core, instruction.width, lo, hi);
  return core.writeLeft(instruction, lo, hi);
}

export function or(core: Core, instruction: Decoded): Outcome {
  if (instruction.prepare !== PREPARE_NOTHING) {
    const outcome = core.prepare(instruction, WRITE);
    if (outcome !== RETIRED) return outcome;
  }
  const { halves } = core;
  const { left, right } = instruction;
  const lo = halves[left]! | halves[right]!;
  const hi = halves[left + 1]! | halves[right + 1]!;
  logicalFlags(core, instruction.width, lo, hi);
  return core.writeLeft(instruction, lo, hi);
}

export function xor(core: Core, instruction: Decoded): Outcome {
  if (instruction.prepare !== PREPARE_NOTHING) {
    const outcome = core.prepare(instruction, WRITE);
    if (outcome !== RETIRED) return outcome;
  }
  const { halves } = core;
  const { left, right } = instruction;
  const lo = halves[left]! ^ halves[right]!;
  const hi = halves[left + 1]! ^ halves[right + 1]!;
  logicalFlags(core, instruction.width, lo, hi);
  return core.writeLeft(instruction, lo, hi);
}

export function test(core: Core, instruction: Decoded): Outcome {
  if (instruction.prepare !== PREPARE_NOTHING) {
    const outcome = core.prepare(instruction, READ);
    if (outcome !== RETIRED) return outcome;
  }
  const { halves } = core;
  const { left, right } = instruction;
  logicalFlags(core, instruction.width, halves[left]! & halves[right]!, halves[left + 1]! & halves[right + 1]!);
  return RETIRED;
}

/** The flags are those of 0 - operand. */
export function neg(core: Core, instruction: Decoded): Outcome {
  const outcome = core.prepare(instruction, WRITE);
  if (outcome !== RETIRED) return outcome;
  const { left } = instruction;
  difference(core, instruction.width, 0, 0, core.halves[left]!, core.halves[left + 1]!);
  return core.writeLeft(instruction, core.lo, core.hi);
}

/** left + right into lo and hi, with all six flags. */
export function sum(core: Core, width: number, leftLo: number, leftHi: number, rightLo: number, rightHi: number): void {
  const { flags } = core;
  const lo = (leftLo + rightLo) | 0;
  flags.adjust = leftLo ^ rightLo ^ lo;
  flags.low = lo;
  core.lo = lo;
  if (width === 64) {
    const hi = (leftHi + rightHi + carryOf(lo, leftLo)) | 0;
    flags.fromSum(leftHi, rightHi, hi);
    flags.any = lo | hi;
    core.hi = hi;
  } else {
    flags.fromSum(leftLo, rightLo, lo);
    flags.any = lo;
  }
}

/** left - right into lo and hi, with all six flags. */
export function difference(
  core: Core,
  width: number,
  leftLo: number,
  leftHi: number,
  rightLo: number,
  rightHi: number,
): void {
  const { flags } = core;
  const lo = (leftLo - rightLo) | 0;
  flags.adjust = leftLo ^ rightLo ^ lo;
  flags.low = lo;
  core.lo = lo;
  if (width === 64) {
    const hi = (leftHi - rightHi - (leftLo >>> 0 < rightLo >>> 0 ? 1 : 0)) | 0;
    flags.fromDifference(leftHi, rightHi, hi);
    flags.any = lo | hi;
    core.hi = hi;
  } else {
    flags.fromDifference(leftLo, rightLo, lo);
    flags.any = lo;
  }
}

/** Logical instructions clear CF and OF; AF is undefined and kept. */
function logicalFlags(core: Core, width: number, lo: number, hi: number): void {
  const { flags } = core;
  flags.carry = 0;
  flags.overflow = 0;
  if (width === 64) flags.fromResult(lo, lo | hi, hi);
  else flags.fromResult(lo, lo, lo);
}
