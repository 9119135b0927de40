/** Reads the operands of BPF assembly: registers, numbers, places in memory, and everything that can be assigned. */

import type { Scanner } from './assembly-scan.ts';
import { ATOMIC_NAMES, fieldOf, OPERATORS, SIZE_BITS } from './assembly-words.ts';
import {
  Atomic,
  Class,
  type Instruction,
  InternalMode,
  instruction,
  Mode,
  MoveOffset,
  Operation,
  Source,
  WideSource,
  wideLoad,
} from './instruction.ts';

/** `r3` or, for its lower half, `w3`. With `wide` given, only that. */
export function readRegister(s: Scanner, what: string, wide?: boolean): { number: number; wide: boolean } {
  const found = s.match(wide === undefined ? /([rw])(1[0-5]|\d)\b/y : wide ? /(r)(1[0-5]|\d)\b/y : /(w)(1[0-5]|\d)\b/y);
  if (found === undefined) return s.fail(wide === undefined ? what : `${what} ${wide ? 'r0 to r15' : 'w0 to w15'}`);
  return { number: Number(found[2]), wide: found[1] === 'r' };
}

/** A signed number of so many bits; unsigned notation of the same bits is understood too. */
export function readSigned(s: Scanner, bits: number, what = 'a number'): number {
  const least = -(1n << BigInt(bits - 1));
  return Number(BigInt.asIntN(bits, s.integer(what, least, (1n << BigInt(bits)) - 1n)));
}

/** Behind `lock`: `*(u64 *)(r1 +8) += r2`, an atomic operation whose old value nobody wants. */
export function parseLocked(s: Scanner): Instruction {
  s.expect('*');
  const { place, type } = parsePlace(s);
  const word = s.match(/[+|&^]=/y)?.[0] ?? s.fail('+=, |=, &= or ^=');
  const src = readRegister(s, 'a register').number;
  return atomic(type, { dst: place.register, src, offset: place.offset, immediate: fieldOf(OPERATORS, word)! });
}

/** Behind `store_release`: `((u64 *)(r1 +8), r2)`. */
export function parseStoreRelease(s: Scanner): Instruction {
  s.expect('(');
  const { place, type } = parsePlace(s);
  s.expect(',');
  const src = readRegister(s, 'a register', true).number;
  s.expect(')');
  return atomic(type, { dst: place.register, src, offset: place.offset, immediate: Atomic.STORE_RELEASE });
}

/** Behind `*`: `(u64 *)(r1 +8) = r2` or `= 5`. */
export function parseStore(s: Scanner): Instruction {
  const { place, type } = parsePlace(s);
  const to = { dst: place.register, offset: place.offset };
  s.expect('=');
  const mode = type.arena ? InternalMode.PROBE_MEM32 : Mode.MEM;
  const register = s.match(/r(1[0-5]|\d)\b/y)?.[1];
  if (register !== undefined) return instruction(Class.STX | mode | type.size, { ...to, src: Number(register) });
  return instruction(Class.ST | mode | type.size, { ...to, immediate: readSigned(s, 32) });
}

interface AccessType {
  readonly size: number;
  readonly signed: boolean;
  readonly arena: boolean;
  readonly probe: boolean;
}

/** `(type *)(register offset)` */
function parsePlace(s: Scanner): { type: AccessType; place: { register: number; offset: number } } {
  const type = readType(s);
  s.expect('(');
  const register = readRegister(s, 'a register', true).number;
  const offset = readSigned(s, 16, 'an offset such as +8');
  s.expect(')');
  return { type, place: { register, offset } };
}

/** `(u32 *)` and its relatives. */
function readType(s: Scanner): AccessType {
  const found = s.match(/\((?:(arena|probe) )?([us])(8|16|32|64) \*\)/y) ?? s.fail('a type such as (u64 *)');
  return {
    size: fieldOf(SIZE_BITS, Number(found[3]))!,
    signed: found[2] === 's',
    arena: found[1] === 'arena',
    probe: found[1] === 'probe',
  };
}

const atomic = ({ size, arena }: AccessType, fields: Partial<Instruction>): Instruction =>
  instruction(Class.STX | (arena ? InternalMode.PROBE_ATOMIC : Mode.ATOMIC) | size, fields);

/** Everything that can stand behind `rN =`. */
export function parseAssigned(s: Scanner, dst: number, wide: boolean, wideLoadStated: boolean): Instruction[] {
  const class_ = wide ? Class.ALU64 : Class.ALU;
  const from = () => readRegister(s, 'a register', wide).number;
  if (s.take('*')) return [parseLoad(s, dst)];
  if (s.match(/-(?=[rw])/y) !== undefined) {
    if (from() !== dst) s.fail(`the end of the line: only a register's own negation exists`);
    return [instruction(class_ | Operation.NEG, { dst })];
  }
  const swap = s.match(/(be|le|bswap)(16|32|64)\b/y);
  if (swap !== undefined) {
    readRegister(s, 'a register', true);
    const opcode = swap[1] === 'bswap' ? Class.ALU64 : Class.ALU | (swap[1] === 'be' ? Source.X : Source.K);
    return [instruction(opcode | Operation.END, { dst, immediate: Number(swap[2]) })];
  }
  const extended = s.match(/\(s(8|16|32)\)/y);
  const move = class_ | Operation.MOV | Source.X;
  if (extended !== undefined) return [instruction(move, { dst, src: from(), offset: Number(extended[1]) })];
  if (s.take('addr_space_cast')) return [parseCast(s, dst)];
  if (s.take('&')) return [parsePerCpu(s, dst)];
  if (s.take('load_acquire')) return [parseLoadAcquire(s, dst)];
  const operation = s.match(/atomic(?:64)?_(xchg|cmpxchg|fetch_(?:add|or|and|xor))\b/y);
  if (operation !== undefined) return [parseFetch(s, operation[1]!, dst)];
  if (/^[rw]\d/.test(s.text.slice(s.position))) return [instruction(move, { dst, src: from() })];
  return parseConstant(s, dst, class_, wideLoadStated);
}

function parseLoad(s: Scanner, dst: number): Instruction {
  const start = s.position;
  const type = readType(s);
  if (s.take('skb')) return parsePacketLoad(s, type.size);
  s.position = start;
  const { place } = parsePlace(s);
  const { size, signed, arena, probe } = type;
  const plain = signed ? Mode.MEMSX : Mode.MEM;
  const probing = signed ? InternalMode.PROBE_MEMSX : InternalMode.PROBE_MEM;
  const inArena = signed ? InternalMode.PROBE_MEM32SX : InternalMode.PROBE_MEM32;
  const mode = arena ? inArena : probe ? probing : plain;
  return instruction(Class.LDX | mode | size, { dst, src: place.register, offset: place.offset });
}

/** `skb[14]` or `skb[r7 + 14]`; the result always is in r0. */
function parsePacketLoad(s: Scanner, size: number): Instruction {
  s.expect('[');
  const register = s.match(/r(1[0-5]|\d) \+/y)?.[1];
  const immediate = readSigned(s, 32);
  s.expect(']');
  if (register === undefined) return instruction(Class.LD | Mode.ABS | size, { immediate });
  return instruction(Class.LD | Mode.IND | size, { src: Number(register), immediate });
}

function parseCast(s: Scanner, dst: number): Instruction {
  s.expect('(');
  const src = readRegister(s, 'a register', true).number;
  s.expect(',');
  const upper = Number(s.integer('an address space', 0n, 0xffffn));
  s.expect(',');
  const lower = Number(s.integer('an address space', 0n, 0xffffn));
  s.expect(')');
  const opcode = Class.ALU64 | Operation.MOV | Source.X;
  return instruction(opcode, { dst, src, offset: MoveOffset.ADDRESS_SPACE_CAST, immediate: (upper << 16) | lower });
}

function parsePerCpu(s: Scanner, dst: number): Instruction {
  s.expect('(void __percpu *)');
  s.expect('(');
  const src = readRegister(s, 'a register', true).number;
  s.expect(')');
  return instruction(Class.ALU64 | Operation.MOV | Source.X, { dst, src, offset: MoveOffset.PER_CPU_ADDRESS });
}

function parseLoadAcquire(s: Scanner, dst: number): Instruction {
  s.expect('(');
  const { type, place } = parsePlace(s);
  s.expect(')');
  return atomic(type, { dst, src: place.register, offset: place.offset, immediate: Atomic.LOAD_ACQUIRE });
}

/** The operations that give the old value back, in the register of the operand or for cmpxchg in r0. */
function parseFetch(s: Scanner, name: string, result: number): Instruction {
  s.expect('(');
  const { type, place } = parsePlace(s);
  s.expect(',');
  const compares = name === 'cmpxchg';
  if (compares) {
    if (readRegister(s, 'r0').number !== 0) s.fail('r0, the only register cmpxchg compares with');
    s.expect(',');
  }
  const src = readRegister(s, 'a register').number;
  if (result !== (compares ? 0 : src)) s.fail(`nothing more: the result of ${name} goes to another register`);
  s.expect(')');
  const fetch = () => fieldOf(ATOMIC_NAMES, name.replace('fetch_', ''))! | Atomic.FETCH;
  const immediate = compares ? Atomic.CMPXCHG : name === 'xchg' ? Atomic.XCHG : fetch();
  return atomic(type, { dst: place.register, src, offset: place.offset, immediate });
}

/** A number, or what a wide load stands for. */
function parseConstant(s: Scanner, dst: number, class_: number, wideLoadStated: boolean): Instruction[] {
  const map = s.match(/map\[(id|idx):(\d+)\](\[0\])?(?:\+(\d+))?/y);
  if (map !== undefined) {
    const [, kind, number, , offset] = map;
    const src =
      kind === 'idx' ? WideSource.MAP_INDEX_VALUE : offset === undefined ? WideSource.MAP_FD : WideSource.MAP_VALUE;
    return wideLoad(dst, (BigInt(offset ?? 0) << 32n) | BigInt(number!), src);
  }
  if (s.take('subprog')) {
    s.expect('[');
    const distance = readSigned(s, 32);
    s.expect(']');
    return wideLoad(dst, BigInt.asUintN(32, BigInt(distance)), WideSource.FUNCTION);
  }
  const start = s.position;
  const value = s.integer('a register, a number or a load', -(1n << 63n), (1n << 64n) - 1n);
  if (s.take('ll') || wideLoadStated) return wideLoad(dst, value);
  if (value >= -(1n << 31n) && value < 1n << 32n)
    return [instruction(class_ | Operation.MOV, { dst, immediate: Number(BigInt.asIntN(32, value)) })];
  s.position = start;
  return s.fail('a 32-bit number, or one with "ll" behind it');
}
