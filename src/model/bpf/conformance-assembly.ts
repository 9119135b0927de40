/**
 * The assembly of the bpf_conformance suite: one instruction a line, mnemonics made of an operation and a width
 * (`add32`, `ldxh`, `jsge`), operands separated by commas, registers with or without `%`, labels before a colon, and
 * `#` before a comment. The label `exit` is the last exit instruction. It is another language than the kernel's
 * disassembly and is read here only, for the sake of that suite.
 */
import { AssemblyError, immediate, type Line, place, register } from './conformance-operands.ts';
import { ALU, ATOMIC, CLASS, type Instruction, JMP, MODE, SOURCE_REGISTER } from './encoding.ts';

/** Throws {@link AssemblyError} at the first line that is none of the language. */
export function assembleConformance(text: string): Instruction[] {
  const statements = readStatements(text);
  const labels = labelsOf(statements);
  return statements.flatMap(({ words, line, text: source, at }) => {
    const fail = (expected: string): never => {
      throw new AssemblyError(line, source, expected);
    };
    return assemble(words, { fail, distance: (target) => distanceTo(target, at, labels, fail) });
  });
}

interface Statement {
  readonly labels: readonly string[];
  /** The mnemonic's words, then the operands: `lock fetch add32` has three before its operands. */
  readonly words: readonly string[];
  readonly line: number;
  readonly text: string;
  /** Index of its first slot. */
  readonly at: number;
}

function readStatements(text: string): Statement[] {
  const statements: Statement[] = [];
  let labels: string[] = [];
  let at = 0;
  for (const [index, raw] of text.split('\n').entries()) {
    let rest = raw.replace(/#.*/, '').trim();
    for (let label = /^(\w+):\s*/.exec(rest); label !== null; label = /^(\w+):\s*/.exec(rest)) {
      labels.push(label[1]!);
      rest = rest.slice(label[0].length);
    }
    if (rest === '') continue;
    const words = rest.split(/[\s,]+(?![^[]*\])/);
    statements.push({ labels, words, line: index + 1, text: rest, at });
    labels = [];
    at += words[0] === 'lddw' ? 2 : 1;
  }
  return statements;
}

function labelsOf(statements: readonly Statement[]): Map<string, number> {
  const places = new Map<string, number>();
  for (const { words, at } of statements) if (words[0] === 'exit') places.set('exit', at);
  for (const { labels, at } of statements) for (const label of labels) places.set(label, at);
  return places;
}

function distanceTo(
  target: string | undefined,
  at: number,
  labels: ReadonlyMap<string, number>,
  fail: (expected: string) => never,
): number {
  const place = target === undefined ? undefined : labels.get(target);
  if (place !== undefined) return place - at - 1;
  return target !== undefined && /^[+-]\d+$/.test(target) ? Number(target) : fail('a label or a signed distance');
}

function assemble(words: readonly string[], line: Line): Instruction[] {
  const [mnemonic = '', ...operands] = words;
  if (mnemonic === 'exit') return [slot({ opcode: CLASS.JMP | JMP.EXIT })];
  if (mnemonic === 'lock') return [atomic(operands, line)];
  if (mnemonic === 'call') return [call(operands, line)];
  if (mnemonic === 'lddw') return wideImmediate(operands, line);
  const [, stem = '', digits = ''] = /^([a-z]+?)(\d*)$/.exec(mnemonic) ?? [];
  return [
    jump(stem, digits, operands, line) ??
      byteOrder(stem, digits, operands, line) ??
      memory(mnemonic, operands, line) ??
      arithmetic(stem, digits, operands, line) ??
      line.fail('a mnemonic'),
  ];
}

function slot(fields: Partial<Instruction>): Instruction {
  return { opcode: 0, dst: 0, src: 0, offset: 0, imm: 0, ...fields };
}

const OPERATIONS: { readonly [stem: string]: number } = {
  add: ALU.ADD,
  sub: ALU.SUB,
  mul: ALU.MUL,
  div: ALU.DIV,
  sdiv: ALU.DIV,
  or: ALU.OR,
  and: ALU.AND,
  lsh: ALU.LSH,
  rsh: ALU.RSH,
  neg: ALU.NEG,
  mod: ALU.MOD,
  smod: ALU.MOD,
  xor: ALU.XOR,
  mov: ALU.MOV,
  movsx: ALU.MOV,
  arsh: ALU.ARSH,
};

/** `movsx1632` extends 16 bits to 32; everything else is 64 bits wide without digits. */
function arithmetic(stem: string, digits: string, operands: readonly string[], line: Line): Instruction | undefined {
  const operation = OPERATIONS[stem];
  if (operation === undefined) return undefined;
  const isMovsx = stem === 'movsx';
  const [, from = '', to = digits] = isMovsx
    ? (/^(8|16|32)(32|64)$/.exec(digits) ?? line.fail('movsx and two widths'))
    : [];
  const opcode = (to === '32' ? CLASS.ALU : CLASS.ALU64) | operation;
  const offset = isMovsx ? Number(from) : stem === 'sdiv' || stem === 'smod' ? 1 : 0;
  const dst = register(operands[0], line);
  if (stem === 'neg') return slot({ opcode, dst });
  return slot({ dst, offset, ...withSource(opcode, operands[1], line) });
}

const CONDITIONS: { readonly [stem: string]: number } = {
  jeq: JMP.JEQ,
  jgt: JMP.JGT,
  jge: JMP.JGE,
  jset: JMP.JSET,
  jne: JMP.JNE,
  jsgt: JMP.JSGT,
  jsge: JMP.JSGE,
  jlt: JMP.JLT,
  jle: JMP.JLE,
  jslt: JMP.JSLT,
  jsle: JMP.JSLE,
};

/** ja32 has its distance in the immediate. */
function jump(stem: string, digits: string, operands: readonly string[], line: Line): Instruction | undefined {
  const jumpClass = digits === '32' ? CLASS.JMP32 : CLASS.JMP;
  if (stem === 'ja') {
    const distance = line.distance(operands[0]);
    return slot({ opcode: jumpClass | JMP.JA, ...(digits === '32' ? { imm: distance } : { offset: distance }) });
  }
  const condition = CONDITIONS[stem];
  if (condition === undefined) return undefined;
  const dst = register(operands[0], line);
  return slot({ dst, offset: line.distance(operands[2]), ...withSource(jumpClass | condition, operands[1], line) });
}

/** `swap` and `bswap` always reverse; `be` and `le` convert. */
function byteOrder(stem: string, digits: string, operands: readonly string[], line: Line): Instruction | undefined {
  const opcodes: { readonly [stem: string]: number } = {
    le: CLASS.ALU | ALU.END,
    be: CLASS.ALU | ALU.END | SOURCE_REGISTER,
    swap: CLASS.ALU64 | ALU.END,
    bswap: CLASS.ALU64 | ALU.END,
  };
  const opcode = opcodes[stem];
  if (opcode === undefined) return undefined;
  return slot({ opcode, dst: register(operands[0], line), imm: Number(digits) });
}

const SIZES: { readonly [suffix: string]: number } = { w: 0x00, h: 0x08, b: 0x10, dw: 0x18 };

function memory(mnemonic: string, operands: readonly string[], line: Line): Instruction | undefined {
  const [, kind, signed, suffix] = /^(ldx|stx|st)(s?)(b|h|w|dw)$/.exec(mnemonic) ?? [];
  if (kind === undefined) return undefined;
  const size = SIZES[suffix!]!;
  if (kind === 'ldx') {
    const { base, offset } = place(operands[1], line);
    const mode = signed === 's' ? MODE.MEMSX : MODE.MEM;
    return slot({ opcode: CLASS.LDX | mode | size, dst: register(operands[0], line), src: base, offset });
  }
  const { base, offset } = place(operands[0], line);
  if (kind === 'st')
    return slot({ opcode: CLASS.ST | MODE.MEM | size, dst: base, offset, imm: immediate(operands[1], line) });
  return slot({ opcode: CLASS.STX | MODE.MEM | size, dst: base, offset, src: register(operands[1], line) });
}

const ATOMICS: { readonly [stem: string]: number } = {
  add: ALU.ADD,
  or: ALU.OR,
  and: ALU.AND,
  xor: ALU.XOR,
  xchg: ATOMIC.XCHG,
  cmpxchg: ATOMIC.CMPXCHG,
};

/** `fetch add32` and `fetch_add32` are the same. */
function atomic(words: readonly string[], line: Line): Instruction {
  const operands = words.slice(-2);
  const spelled = words.slice(0, -2).join('_');
  const [, fetch, stem, digits] = /^(fetch_)?([a-z]+)(32|64)?$/.exec(spelled) ?? [];
  const operation = stem === undefined ? undefined : ATOMICS[stem];
  if (operation === undefined) return line.fail('an atomic operation after lock');
  const { base, offset } = place(operands[0], line);
  const size = digits === '32' ? SIZES.w! : SIZES.dw!;
  const imm = operation | (fetch === undefined ? 0 : ATOMIC.FETCH);
  return slot({ opcode: CLASS.STX | MODE.ATOMIC | size, dst: base, src: register(operands[1], line), offset, imm });
}

/** A local function by label, a kernel function (`runtime`) or helper by number, or a call through a register. */
function call(operands: readonly string[], line: Line): Instruction {
  const opcode = CLASS.JMP | JMP.CALL;
  const [first, second] = operands;
  if (first === 'local') return slot({ opcode, src: 1, imm: line.distance(second) });
  if (first === 'runtime') return slot({ opcode, src: 2, imm: immediate(second, line) });
  if (/^%?r\d+$/.test(first ?? '')) return slot({ opcode: opcode | SOURCE_REGISTER, dst: register(first, line) });
  return slot({ opcode, imm: immediate(first, line) });
}

function wideImmediate([destination, value]: readonly string[], line: Line): Instruction[] {
  if (value === undefined || !/^-?(0x[0-9a-f]+|\d+)$/i.test(value)) return line.fail('a number of 64 bits');
  const magnitude = BigInt(value.replace('-', ''));
  const number = value.startsWith('-') ? -magnitude : magnitude;
  const dst = register(destination, line);
  return [
    slot({ opcode: 0x18, dst, imm: Number(BigInt.asIntN(32, number)) }),
    slot({ imm: Number(BigInt.asIntN(32, number >> 32n)) }),
  ];
}

function withSource(opcode: number, operand: string | undefined, line: Line): Partial<Instruction> {
  if (operand !== undefined && /^%?r\d+$/.test(operand)) {
    return { opcode: opcode | SOURCE_REGISTER, src: register(operand, line) };
  }
  return { opcode, imm: immediate(operand, line) };
}
