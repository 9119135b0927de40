/**
 * Turns bytes into {@link Decoded} instructions, for 64-bit mode (SDM 2A, chapter 2): legacy prefixes, REX, opcode,
 * ModRM, immediate, and the VEX form of the three BMI2 shifts. Address-size prefixes, segment overrides other than gs,
 * and every opcode outside the opcode map are refused.
 */
import { CodeReader } from './code-reader.ts';
import { type Decoded, type Execute, HIGH_BYTE, MEMORY, NONE, RIP } from './decoded.ts';
import { sarx, shlx, shrx } from './execute-shift.ts';
import { decodeOperands, NO_OPERANDS, type Operands, REX_B, REX_W } from './modrm.ts';
import type { Row } from './opcode-map.ts';
import { type Entry, ONE_BYTE, TWO_BYTE } from './opcode-table.ts';
import { slotsOf } from './operand-slots.ts';
import { RBP, RSP } from './register-file.ts';

/** The longest instruction the architecture allows; one more byte is a general protection fault (SDM 2A, 2.3.11). */
export const LONGEST_INSTRUCTION = 15;

/** Why bytes are not an instruction: they end too early, or they mean nothing to this CPU. */
export type Undecodable = typeof TRUNCATED | typeof UNKNOWN;
export const TRUNCATED = 'truncated';
const UNKNOWN = 'unknown';

/** Decodes the instruction at `start`, looking at no byte at or after `end`. */
export function decode(bytes: DataView, start: number, end: number): Decoded | Undecodable {
  const reader = new CodeReader(bytes, start, end);
  const decoded = decodePrefixes(reader);
  if (reader.truncated) return TRUNCATED;
  return decoded ?? UNKNOWN;
}

interface Prefixes {
  readonly operandSize: boolean;
  readonly lock: boolean;
  readonly repeat: boolean;
  readonly gs: boolean;
  /** The whole REX byte, or 0. */
  readonly rex: number;
}

/** A REX prefix counts only directly before the opcode (SDM 2A, 2.2.1). A cs override (2e) is ignored in 64-bit mode. */
function decodePrefixes(reader: CodeReader): Decoded | undefined {
  let [operandSize, lock, repeat, gs, rex] = [false, false, false, false, 0];
  while (!reader.truncated) {
    const byte = reader.byte();
    if ((byte & 0xf0) === 0x40) {
      rex = byte;
      continue;
    }
    if (byte === 0x66) operandSize = true;
    else if (byte === 0xf0) lock = true;
    else if (byte === 0xf3) repeat = true;
    else if (byte === 0x65) gs = true;
    else if (byte === 0xc4) return operandSize || lock || repeat || rex !== 0 ? undefined : decodeVex(reader, gs);
    else if (byte !== 0x2e) return decodeOpcode(reader, byte, { operandSize, lock, repeat, gs, rex });
    rex = 0;
  }
  return undefined;
}

function decodeOpcode(reader: CodeReader, first: number, prefixes: Prefixes): Decoded | undefined {
  const group = first === 0x0f ? TWO_BYTE : ONE_BYTE;
  const opcode = first === 0x0f ? reader.byte() : first;
  const entries = group[opcode];
  if (entries === undefined) return undefined;
  if (entries.some((entry) => entry?.hasModrm)) {
    const modrm = reader.byte();
    const entry = entries[(modrm >> 3) & 7];
    if (entry === undefined) return undefined;
    return complete(reader, entry, prefixes, opcode, decodeOperands(reader, modrm, prefixes.rex));
  }
  const entry = entries[0]!;
  const register = (opcode & 7) | ((prefixes.rex & REX_B) << 3);
  // 90 with REX.B exchanges rax with r8; it is no nop, and the JIT does not emit it.
  if (entry.row.name === 'nop' && register !== 0) return undefined;
  const rm = entry.row.accumulator === true ? 0 : register;
  return complete(reader, entry, prefixes, opcode, { ...NO_OPERANDS, rm });
}

/** Checks the prefixes against the row, reads the immediate and puts the instruction together. */
function complete(
  reader: CodeReader,
  entry: Entry,
  prefixes: Prefixes,
  opcode: number,
  operands: Operands,
): Decoded | undefined {
  const { row } = entry;
  const isMemory = operands.rm === MEMORY;
  if (prefixes.lock && !(row.lock === true && isMemory)) return undefined;
  if (prefixes.operandSize && row.word === undefined) return undefined;
  if (prefixes.repeat !== (row.repeat === true)) return undefined;
  if (row.rm !== undefined && (row.rm === 'memory') !== isMemory) return undefined;
  const width = widthOf(row, prefixes);
  const sourceWidth = row.sourceWidth ?? width;
  const anyRex = prefixes.rex !== 0;
  const register = width === 8 ? byteRegister(operands.register, anyRex) : operands.register;
  const rm = sourceWidth === 8 && !isMemory ? byteRegister(operands.rm, anyRex) : operands.rm;
  const immediate = readImmediate(reader, entry, width);
  const slots = slotsOf(row.form, register, rm, 0);
  return {
    name: row.name === 'cdq' && width === 64 ? 'cqo' : row.name,
    execute: width === 16 ? row.word! : row.execute,
    form: row.form,
    length: reader.length,
    width,
    sourceWidth,
    register,
    rm,
    vvvv: 0,
    inMemory: operands.rm === MEMORY,
    base: operands.base,
    index: operands.index,
    scaleShift: operands.scaleShift,
    displacement: operands.displacement,
    plainAddress: isPlain(operands, prefixes.gs),
    gs: prefixes.gs,
    stackSegment: usesStackSegment(operands, prefixes.gs),
    immediate,
    condition: opcode & 15,
    lock: prefixes.lock,
    endsBlock: row.jumps === true || operands.base === RIP,
    left: slots.left,
    leftInMemory: slots.leftInMemory,
    right: slots.right,
  };
}

function widthOf(row: Row, prefixes: Prefixes): number {
  if (row.byte === true) return 8;
  if (row.wide === true || (prefixes.rex & REX_W) !== 0) return 64;
  return prefixes.operandSize ? 16 : 32;
}

/** Without REX, byte registers 4 to 7 are the second bytes of the first four registers (SDM 1, 3.4.1.1). */
function byteRegister(register: number, anyRex: boolean): number {
  return register >= 4 && register < 8 && !anyRex ? register - 4 + HIGH_BYTE : register;
}

function isPlain({ base, index }: Operands, gs: boolean): boolean {
  return base >= 0 && base !== RIP && index === NONE && !gs;
}

function usesStackSegment({ base }: Operands, gs: boolean): boolean {
  return (base === RSP || base === RBP) && !gs;
}

/** Immediates are sign-extended, except that `iv` is as wide as the operand. A shift by one has the one in its opcode. */
function readImmediate(reader: CodeReader, { row, immediate }: Entry, width: number): Int32Array | undefined {
  switch (immediate) {
    case 'none':
      return row.form === 'rm, immediate' ? extended(1) : undefined;
    case 'ib':
    case 'cb':
      return extended(reader.signed(1));
    case 'iz':
      return extended(reader.signed(width === 16 ? 2 : 4));
    case 'cd':
      return extended(reader.signed(4));
    case 'iv': {
      const lo = reader.signed(4);
      return Int32Array.of(lo, width === 64 ? reader.signed(4) : 0);
    }
  }
}

function extended(lo: number): Int32Array {
  return Int32Array.of(lo, lo >> 31);
}

/** shlx, shrx and sarx: C4, inverted R X B and map 2, then W, inverted vvvv, L 0 and pp, then F7 /r (SDM 2B). */
function decodeVex(reader: CodeReader, gs: boolean): Decoded | undefined {
  const second = reader.byte();
  const third = reader.byte();
  const opcode = reader.byte();
  const shift = VEX_SHIFTS[third & 3];
  if ((second & 0x1f) !== 2 || (third & 4) !== 0 || opcode !== 0xf7 || shift === undefined) return undefined;
  const operands = decodeOperands(reader, reader.byte(), (~second >> 5) & 7);
  const width = (third & 0x80) !== 0 ? 64 : 32;
  const vvvv = (~third >> 3) & 15;
  const slots = slotsOf('register, rm, register', operands.register, operands.rm, vvvv);
  return {
    name: shift.name,
    execute: shift.execute,
    form: 'register, rm, register',
    length: reader.length,
    width,
    sourceWidth: width,
    register: operands.register,
    rm: operands.rm,
    vvvv,
    inMemory: operands.rm === MEMORY,
    base: operands.base,
    index: operands.index,
    scaleShift: operands.scaleShift,
    displacement: operands.displacement,
    plainAddress: isPlain(operands, gs),
    gs,
    stackSegment: usesStackSegment(operands, gs),
    immediate: undefined,
    condition: 0,
    lock: false,
    endsBlock: operands.base === RIP,
    left: slots.left,
    leftInMemory: slots.leftInMemory,
    right: slots.right,
  };
}

/** By the VEX.pp field, which stands for the prefixes none, 66, F3 and F2. */
const VEX_SHIFTS: readonly ({ readonly name: string; readonly execute: Execute } | undefined)[] = [
  undefined,
  { name: 'shlx', execute: shlx },
  { name: 'sarx', execute: sarx },
  { name: 'shrx', execute: shrx },
];
