/**
 * The instructions this CPU has, one a line, in the notation of the SDM: opcode bytes, then `/r` or `/digit` for a ModRM
 * byte, `+r` for a register in the opcode, and `ib iz iv cb cd` for what follows: a byte, a word of at most 32 bits, a word
 * of operand size, a relative byte or doubleword.
 *
 * They are what the kernel's x86-64 BPF JIT, its trampolines and its thunks are made of (arch/x86/net/bpf_jit_comp.c).
 * The rest of the architecture is left out on purpose: code that strays from what the JIT emits should stop the CPU with
 * an invalid opcode, not go on meaning something.
 */
import type { Execute, Form } from './decoded.ts';
import { add, and, cmp, neg, or, sub, test, xor } from './execute-arithmetic.ts';
import { call, int3, jcc, jmp, leave, nothing, pop, push, ret, undefinedInstruction } from './execute-control.ts';
import { cmpxchg, xadd, xchg } from './execute-exchange.ts';
import { cmov, lea, load, loadSigned, loadUnsigned, signIntoRdx, store, storeNarrow } from './execute-move.ts';
import { div, idiv, imul, mul } from './execute-multiply.ts';
import { addWhole, andWhole, cmpWhole, movWhole, orWhole, subWhole, testWhole, xorWhole } from './execute-register.ts';
import { bswap, rol, ror, sar, shl, shr } from './execute-shift.ts';

/** What distinguishes one line from the usual: a general instruction of 32 or 64 bits with any rm operand. */
interface Traits {
  /** Operands are bytes. */
  readonly byte?: true;
  /** The rm operand has this many bits, whatever the other has. */
  readonly sourceWidth?: 8 | 16 | 32;
  /** Performs it, faster, where its operands are 64-bit registers and immediates. */
  readonly whole?: Execute;
  /** A 66 prefix is accepted and makes the operands 16 bits wide; this then performs the instruction. */
  readonly word?: Execute;
  /** Operands are 64 bits wide without REX.W. */
  readonly wide?: true;
  /** A lock prefix is accepted with a memory operand. */
  readonly lock?: true;
  readonly rm?: 'register' | 'memory';
  /** An F3 prefix is part of the opcode. */
  readonly repeat?: true;
  /** It looks at the instruction pointer and may change it. */
  readonly jumps?: true;
  /** The rm operand is the accumulator and there is no ModRM byte. */
  readonly accumulator?: true;
}

export interface Row extends Traits {
  readonly encoding: string;
  readonly name: string;
  readonly form: Form;
  readonly execute: Execute;
}

const LOCK: Traits = { lock: true };
const WIDE: Traits = { wide: true };
const JUMP: Traits = { wide: true, jumps: true };
const BYTE: Traits = { byte: true };

export const ROWS: readonly Row[] = [
  ...arithmetic(0, 'add', add, addWhole, LOCK),
  ...arithmetic(1, 'or', or, orWhole, LOCK),
  ...arithmetic(4, 'and', and, andWhole, LOCK),
  ...arithmetic(5, 'sub', sub, subWhole, LOCK),
  ...arithmetic(6, 'xor', xor, xorWhole, LOCK),
  ...arithmetic(7, 'cmp', cmp, cmpWhole, {}),
  row('85 /r', 'test', 'rm, register', test, { whole: testWhole }),
  row('f7 /0 iz', 'test', 'rm, immediate', test, { whole: testWhole }),
  row('f7 /3', 'neg', 'rm', neg),
  row('f7 /4', 'mul', 'rm', mul),
  row('f7 /6', 'div', 'rm', div),
  row('f7 /7', 'idiv', 'rm', idiv),
  row('69 /r iz', 'imul', 'register, rm, immediate', imul),
  row('6b /r ib', 'imul', 'register, rm, immediate', imul),
  row('0f af /r', 'imul', 'register, rm', imul),
  row('99', 'cdq', 'none', signIntoRdx),

  ...shift(0, 'rol', rol),
  ...shift(1, 'ror', ror, { word: ror }),
  ...shift(4, 'shl', shl),
  ...shift(5, 'shr', shr),
  ...shift(7, 'sar', sar),
  row('0f c8+r', 'bswap', 'rm', bswap),

  row('88 /r', 'mov', 'rm, register', storeNarrow, BYTE),
  row('89 /r', 'mov', 'rm, register', store, { word: storeNarrow, whole: movWhole }),
  row('8b /r', 'mov', 'register, rm', load, { whole: movWhole }),
  row('b8+r iv', 'mov', 'rm, immediate', store, { whole: movWhole }),
  row('c6 /0 ib', 'mov', 'rm, immediate', storeNarrow, BYTE),
  row('c7 /0 iz', 'mov', 'rm, immediate', store, { word: storeNarrow, whole: movWhole }),
  row('8d /r', 'lea', 'register, rm', lea, { rm: 'memory' }),
  row('63 /r', 'movsxd', 'register, rm', loadSigned, { sourceWidth: 32 }),
  row('0f b6 /r', 'movzx', 'register, rm', loadUnsigned, { sourceWidth: 8 }),
  row('0f b7 /r', 'movzx', 'register, rm', loadUnsigned, { sourceWidth: 16 }),
  row('0f be /r', 'movsx', 'register, rm', loadSigned, { sourceWidth: 8 }),
  row('0f bf /r', 'movsx', 'register, rm', loadSigned, { sourceWidth: 16 }),
  ...conditional((code) => `${hexByte('0f', 0x40 + code)} /r`, 'cmov', 'register, rm', cmov, {}),

  row('87 /r', 'xchg', 'rm, register', xchg, { lock: true, rm: 'memory' }),
  row('0f b1 /r', 'cmpxchg', 'rm, register', cmpxchg, { lock: true, rm: 'memory' }),
  row('0f c1 /r', 'xadd', 'rm, register', xadd, { lock: true, rm: 'memory' }),

  row('50+r', 'push', 'rm', push, WIDE),
  row('58+r', 'pop', 'rm', pop, WIDE),
  row('c9', 'leave', 'none', leave, WIDE),
  row('c3', 'ret', 'none', ret, JUMP),
  row('e8 cd', 'call', 'relative', call, JUMP),
  row('e9 cd', 'jmp', 'relative', jmp, JUMP),
  row('eb cb', 'jmp', 'relative', jmp, JUMP),
  row('ff /2', 'call', 'rm', call, JUMP),
  row('ff /4', 'jmp', 'rm', jmp, JUMP),
  ...conditional((code) => `${hexByte('', 0x70 + code)} cb`, 'j', 'relative', jcc, JUMP),
  ...conditional((code) => `${hexByte('0f', 0x80 + code)} cd`, 'j', 'relative', jcc, JUMP),

  row('90', 'nop', 'none', nothing, { word: nothing }),
  row('0f 1f /0', 'nop', 'none', nothing, { word: nothing }),
  row('0f 1e /7', 'nop', 'none', nothing, { repeat: true, rm: 'register' }),
  row('0f ae /5', 'lfence', 'none', nothing, { rm: 'register' }),
  row('cc', 'int3', 'none', int3, JUMP),
  row('0f 0b', 'ud2', 'none', undefinedInstruction),
  row('0f b9 /r', 'ud1', 'register, rm', undefinedInstruction),
];

/** The eight operations that share one pattern: opcode 8n + 1, + 3 and + 5, and digit n of group 1 (SDM 2D, table A-6). */
function arithmetic(digit: number, name: string, execute: Execute, whole: Execute, traits: Traits): Row[] {
  return [
    row(`${hexByte('', 8 * digit + 1)} /r`, name, 'rm, register', execute, { ...traits, whole }),
    row(`${hexByte('', 8 * digit + 3)} /r`, name, 'register, rm', execute, { whole }),
    row(`${hexByte('', 8 * digit + 5)} iz`, name, 'rm, immediate', execute, { accumulator: true, whole }),
    row(`81 /${digit} iz`, name, 'rm, immediate', execute, { ...traits, whole }),
    row(`83 /${digit} ib`, name, 'rm, immediate', execute, { ...traits, whole }),
  ];
}

/** Group 2: by an immediate, by one, by cl. */
function shift(digit: number, name: string, execute: Execute, traits: Traits = {}): Row[] {
  return [
    row(`c1 /${digit} ib`, name, 'rm, immediate', execute, traits),
    row(`d1 /${digit}`, name, 'rm, immediate', execute),
    row(`d3 /${digit}`, name, 'rm, cl', execute),
  ];
}

/** One row for each condition by the low nibble of its opcode; those of parity, a and b, are left out. */
function conditional(
  encoding: (code: number) => string,
  stem: string,
  form: Form,
  execute: Execute,
  traits: Traits,
): Row[] {
  const conditions = ['o', 'no', 'b', 'ae', 'e', 'ne', 'be', 'a', 's', 'ns', '', '', 'l', 'ge', 'le', 'g'];
  return conditions.flatMap((condition, code) =>
    condition === '' ? [] : [row(encoding(code), `${stem}${condition}`, form, execute, traits)],
  );
}

function row(encoding: string, name: string, form: Form, execute: Execute, traits: Traits = {}): Row {
  return { encoding, name, form, execute, ...traits };
}

function hexByte(prefix: string, opcode: number): string {
  return `${prefix} ${opcode.toString(16).padStart(2, '0')}`.trim();
}
