/**
 * Jumps inside a function. Their length depends on distances that depend on their length, so every pass computes them from
 * the code offsets known so far: those of this pass behind the jump, those of the last one ahead of it.
 */
import { Jump } from '../instruction.ts';
import { isSigned8 } from './emitter.ts';
import type { FunctionContext } from './function-context.ts';

/** Sets the flags for a conditional jump: a comparison, or for JSET a test of bits. `by` undefined: the immediate. */
export function emitComparison(
  { emitter: e }: FunctionContext,
  operation: number,
  wide: boolean,
  left: number,
  by: number | undefined,
  value: number,
): void {
  if (operation === Jump.JSET) {
    if (by !== undefined) {
      e.onRegisters(wide, 0x85, left, by);
    } else {
      e.onRegister(wide, 0xf7, 0, left);
      e.word32(value);
    }
  } else if (by !== undefined) {
    e.onRegisters(wide, 0x39, left, by);
  } else if (value === 0) {
    e.onRegisters(wide, 0x85, left, left);
  } else {
    const short = isSigned8(value);
    e.onRegister(wide, short ? 0x83 : 0x81, 7, left);
    if (short) e.byte(value);
    else e.word32(value);
  }
}

/** The jump after the comparison of slot `i`, over `distance` slots; `start` is where the slot's code begins. */
export function emitConditionalJump(
  c: FunctionContext,
  operation: number,
  i: number,
  distance: number,
  start: number,
): void {
  const { emitter: e, ends } = c;
  const displacement = ends[i + 1 + distance]! - ends[i + 1]!;
  const code = conditionCode(operation);
  if (isShort(c, displacement)) {
    if (c.padding) pad(c, i, start, 2, [0, 4]);
    e.sequence(0x70 | code, displacement & 0xff);
  } else {
    checkTarget(c, i, displacement);
    e.sequence(0x0f, 0x80 | code);
    e.word32(displacement);
  }
}

/** An unconditional jump over `distance` slots: nothing at all when it goes to the next code byte. */
export function emitJump(c: FunctionContext, i: number, distance: number, start: number): void {
  const toItself = distance === -1;
  const displacement = toItself ? -2 : c.ends[i + 1 + distance]! - c.ends[i + 1]!;
  if (displacement === 0) {
    if (c.padding) pad(c, i, start, 0, [0, 2, 5]);
  } else {
    emitJumpBy(c, i, displacement, start);
  }
}

/** An exit that is not the function's first: a jump back to the epilogue there. */
export function emitJumpToEpilogue(c: FunctionContext, i: number, start: number): void {
  emitJumpBy(c, i, c.cleanup - c.ends[i + 1]!, start);
}

function emitJumpBy(c: FunctionContext, i: number, displacement: number, start: number): void {
  const { emitter: e } = c;
  if (isShort(c, displacement)) {
    if (c.padding) pad(c, i, start, 2, [0, 3]);
    e.sequence(0xeb, displacement & 0xff);
  } else {
    checkTarget(c, i, displacement);
    e.relative32(0xe9, displacement);
  }
}

/**
 * Not the -128 to 127 that the encoding allows: a forward jump that just fits can be pushed out of reach by another jump
 * that grows in the same pass, and two of them can take turns for ever.
 */
const isShort = ({ machine }: FunctionContext, displacement: number): boolean =>
  displacement >= -128 && displacement <= machine.behaviour.shortJumpReach;

/** Validation lets no such jump through; without it the code would go anywhere. */
function checkTarget(c: FunctionContext, i: number, displacement: number): void {
  if (Number.isNaN(displacement)) c.refuse('EFAULT', `the jump of slot ${i} leaves the function`);
}

/** Keeps slot `i` as long as it was in the last pass, `tail` bytes of it still to come. */
function pad(c: FunctionContext, i: number, start: number, tail: number, allowed: readonly number[]): void {
  const missing = c.ends[i + 1]! - c.ends[i]! - (c.emitter.length - start) - tail;
  if (allowed.includes(missing)) c.emitter.nops(missing);
  else c.refuse('EFAULT', `padding a jump by ${missing} bytes, which no jump can need`);
}

/** The condition of jcc (SDM volume 1, appendix B); JSET asks whether the tested bits are not all zero. */
function conditionCode(operation: number): number {
  switch (operation) {
    case Jump.JEQ:
      return 0x4;
    case Jump.JSET:
    case Jump.JNE:
      return 0x5;
    case Jump.JGT:
      return 0x7;
    case Jump.JLT:
      return 0x2;
    case Jump.JGE:
      return 0x3;
    case Jump.JLE:
      return 0x6;
    case Jump.JSGT:
      return 0xf;
    case Jump.JSLT:
      return 0xc;
    case Jump.JSGE:
      return 0xd;
    default:
      return 0xe;
  }
}
