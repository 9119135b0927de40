/**
 * Arithmetic, moves and byte order: the ALU and ALU64 classes (arch/x86/net/bpf_jit_comp.c:do_jit()).
 * Division by zero and the overflow of signed division never get here: the verifier guards them with instructions.
 */
import { Operation } from '../instruction.ts';
import { type Emitter, isSigned8 } from './emitter.ts';
import { R11, RAX, RCX, RDX } from './registers.ts';

/** Opcodes of the two-operand forms; the upper five bits double as the opcode extension of the immediate forms. */
export function arithmeticOpcode(operation: number): number {
  switch (operation) {
    case Operation.ADD:
      return 0x01;
    case Operation.OR:
      return 0x09;
    case Operation.AND:
      return 0x21;
    case Operation.SUB:
      return 0x29;
    default:
      return 0x31;
  }
}

/** add, or, and, sub, xor with an immediate. Adding zero is not left out. */
export function emitArithmeticImmediate(e: Emitter, operation: number, wide: boolean, to: number, value: number): void {
  e.arithmeticImmediate(wide, arithmeticOpcode(operation) >> 3, to, value);
}

export function emitMultiply(e: Emitter, wide: boolean, to: number, by: number): void {
  e.onRegisters(wide, 0x0faf, by, to);
}

export function emitMultiplyImmediate(e: Emitter, wide: boolean, to: number, value: number): void {
  const short = isSigned8(value);
  e.onRegisters(wide, short ? 0x6b : 0x69, to, to);
  if (short) e.byte(value);
  else e.word32(value);
}

/** A sign-extending move from the lowest 8, 16 or 32 bits; the 32-bit one from a byte always has its REX prefix. */
export function emitSignExtendingMove(e: Emitter, wide: boolean, bits: number, to: number, from: number): void {
  if (bits === 32) {
    e.onRegisters(true, 0x63, from, to);
  } else if (bits === 16) {
    e.onRegisters(wide, 0x0fbf, from, to);
  } else {
    if (!wide && (to | from) < 8) e.byte(0x40);
    e.onRegisters(wide, 0x0fbe, from, to);
  }
}

/**
 * Unsigned or signed division and remainder through rdx:rax, both saved unless they are the result. `by` is a register,
 * or undefined for the immediate `value`; a divisor in rax or rdx, or an immediate, goes through r11.
 */
export function emitDivide(
  e: Emitter,
  what: { readonly remainder: boolean; readonly signed: boolean; readonly wide: boolean },
  to: number,
  by: number | undefined,
  value: number,
): void {
  const { remainder, signed, wide } = what;
  if (to !== RAX) e.push(RAX);
  if (to !== RDX) e.push(RDX);
  let divisor = R11;
  if (by === undefined) {
    e.onRegister(true, 0xc7, 0, R11);
    e.word32(value);
  } else if (by === RAX || by === RDX) {
    e.move(true, R11, by);
  } else {
    divisor = by;
  }
  if (to !== RAX) e.move(wide, RAX, to);
  if (signed) {
    e.rex(wide, 0, 0);
    e.byte(0x99);
    e.onRegister(wide, 0xf7, 7, divisor);
  } else {
    e.sequence(0x31, 0xd2);
    e.onRegister(wide, 0xf7, 6, divisor);
  }
  const result = remainder ? RDX : RAX;
  if (to !== result) e.move(wide, to, result);
  if (to !== RDX) e.pop(RDX);
  if (to !== RAX) e.pop(RAX);
}

/** ModRM.reg of the shift group. */
const shiftDigit = (operation: number): number =>
  operation === Operation.LSH ? 4 : operation === Operation.RSH ? 5 : 7;

export function emitShiftImmediate(e: Emitter, operation: number, wide: boolean, to: number, count: number): void {
  e.onRegister(wide, count === 1 ? 0xd1 : 0xc1, shiftDigit(operation), to);
  if (count !== 1) e.byte(count);
}

/** A shift by a register: one BMI2 instruction, or the count in cl with rcx saved around it. */
export function emitShift(
  e: Emitter,
  operation: number,
  wide: boolean,
  to: number,
  count: number,
  way: { readonly bmi2: boolean; readonly alwaysSavesRcx: boolean },
): void {
  if (count !== RCX && way.bmi2) {
    emitBmi2Shift(e, operation, wide, to, count);
    return;
  }
  const shifted = to === RCX && (count !== RCX || way.alwaysSavesRcx) ? R11 : to;
  const savesRcx = count !== RCX && (to !== RCX || way.alwaysSavesRcx);
  if (shifted !== to) e.move(true, R11, RCX);
  if (savesRcx) e.push(RCX);
  if (count !== RCX) e.move(true, RCX, count);
  e.onRegister(wide, 0xd3, shiftDigit(operation), shifted);
  if (savesRcx) e.pop(RCX);
  if (shifted !== to) e.move(true, RCX, R11);
}

/**
 * shlx, shrx, sarx with the three-byte VEX prefix (SDM volume 2, section 2.3.5):
 *
 *    c4   R̅ X̅ B̅ 00010   W v̅v̅v̅v̅ 0 pp   f7   ModRM          pp 1 shl, 2 sar, 3 shr
 */
function emitBmi2Shift(e: Emitter, operation: number, wide: boolean, to: number, count: number): void {
  const extended = to > 7 ? 0 : 0xa0;
  const prefix = operation === Operation.LSH ? 1 : operation === Operation.RSH ? 3 : 2;
  e.sequence(0xc4, 0x42 | extended, (wide ? 0x80 : 0) | ((~count & 15) << 3) | prefix, 0xf7);
  e.byte(0xc0 | ((to & 7) << 3) | (to & 7));
}

/** Swaps the lowest 16, 32 or 64 bits and clears what is above. */
export function emitByteSwap(e: Emitter, bits: number, to: number): void {
  if (bits === 16) {
    e.byte(0x66);
    e.onRegister(false, 0xc1, 1, to);
    e.byte(8);
    e.onRegisters(false, 0x0fb7, to, to);
  } else {
    e.rex(bits === 64, to, 0);
    e.sequence(0x0f, 0xc8 | (to & 7));
  }
}

/** To little endian: the machine is that already, only what is above the lowest 16 or 32 bits is cleared. */
export function emitTruncate(e: Emitter, bits: number, to: number): void {
  if (bits === 16) e.onRegisters(false, 0x0fb7, to, to);
  else if (bits === 32) e.onRegisters(false, 0x89, to, to);
}

/**
 * A 32-bit arena pointer becomes a user-space one: the upper half of the arena's user address is joined by rotation, and
 * null stays null.
 */
export function emitCastToUser(e: Emitter, to: number, from: number, userHigh: number): void {
  if (to !== from) e.move(false, to, from);
  e.onRegister(true, 0xc1, 4, to);
  e.byte(32);
  e.rex(true, to, 0);
  if (to === RAX) e.byte(0x0d);
  else e.sequence(0x81, 0xc8 | (to & 7));
  e.word32(userHigh);
  e.onRegister(true, 0xc1, 0, to);
  e.byte(32);
  e.onRegisters(true, 0x31, R11, R11);
  e.onRegisters(false, 0x85, to, to);
  e.onRegisters(true, 0x0f44, R11, to);
}

/**
 * The address of this CPU's copy of a variable: the value plus gs:[this_cpu_off]. The kernel puts the high bit of the
 * register into REX.B although it is the reg operand; only rax ever comes here, for which both mean the same.
 */
export function emitPerCpuAddress(e: Emitter, to: number, from: number, thisCpuOffset: number | undefined): void {
  e.moveUnlessSame(to, from);
  if (thisCpuOffset === undefined) return;
  e.sequence(0x65, to > 7 ? 0x49 : 0x48, 0x03, 0x04 | ((to & 7) << 3));
  e.byte(0x25);
  e.word32(thisCpuOffset);
}
