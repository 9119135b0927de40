/**
 * The assembly of the bpf_conformance suite: one instruction a line, mnemonics made of an operation and a width
 * (`add32`, `ldxh`, `jsge`), operands separated by commas, registers with or without `%`, labels before a colon, and
 * `#` before a comment. The label `exit` is the last exit instruction. It is another language than the kernel's
 * disassembly and is read here only, for the sake of that suite.
 */
import { AssemblyError, immediate, type Line, place, register } from './conformance-operands.ts';
import { Atomic, Class, type Instruction, Jump, Mode, Operation, Source } from './instruction.ts';

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
  if (mnemonic === 'exit') return [slot({ opcode: Class.JMP | Jump.EXIT })];
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
  return { opcode: 0, dst: 0, src: 0, offset: 0, immediate: 0, ...fields };
}

const OPERATIONS: { readonly [stem: string]: number } = {
  add: Operation.ADD,
  sub: Operation.SUB,
  mul: Operation.MUL,
  div: Operation.DIV,
  sdiv: Operation.DIV,
  or: Operation.OR,
  and: Operation.AND,
  lsh: Operation.LSH,
  rsh: Operation.RSH,
  neg: Operation.NEG,
  mod: Operation.MOD,
  smod: Operation.MOD,
  xor: Operation.XOR,
  mov: Operation.MOV,
  movsx: Operation.MOV,
  arsh: Operation.ARSH,
};

/** `movsx1632` extends 16 bits to 32; everything else is 64 bits wide without digits. */
function arithmetic(stem: string, digits: string, operands: readonly string[], line: Line): Instruction | undefined {
  const operation = OPERATIONS[stem];
  if (operation === undefined) return undefined;
  const isMovsx = stem === 'movsx';
  const [, from = '', to = digits] = isMovsx
    ? (/^(8|16|32)(32|64)$/.exec(digits) ?? line.fail('movsx and two widths'))
    : [];
  const opcode = (to === '32' ? Class.ALU : Class.ALU64) | operation;
  const offset = isMovsx ? Number(from) : stem === 'sdiv' || stem === 'smod' ? 1 : 0;
  const dst = register(operands[0], line);
  if (stem === 'neg') return slot({ opcode, dst });
  return slot({ dst, offset, ...withSource(opcode, operands[1], line) });
}

const CONDITIONS: { readonly [stem: string]: number } = {
  jeq: Jump.JEQ,
  jgt: Jump.JGT,
  jge: Jump.JGE,
  jset: Jump.JSET,
  jne: Jump.JNE,
  jsgt: Jump.JSGT,
  jsge: Jump.JSGE,
  jlt: Jump.JLT,
  jle: Jump.JLE,
  jslt: Jump.JSLT,
  jsle: Jump.JSLE,
};

/** ja32 has its distance in the immediate. */
function jump(stem: string, digits: string, operands: readonly string[], line: Line): Instruction | undefined {
  const jumpClass = digits === '32' ? Class.JMP32 : Class.JMP;
  if (stem === 'ja') {
    const distance = line.distance(operands[0]);
    return slot({ opcode: jumpClass | Jump.JA, ...(digits === '32' ? { immediate: distance } : { offset: distance }) });
  }
  const condition = CONDITIONS[stem];
  if (condition === undefined) return undefined;
  const dst = register(operands[0], line);
  return slot({ dst, offset: line.distance(operands[2]), ...withSource(jumpClass | condition, operands[1], line) });
}

/** `swap` and `bswap` always reverse; `be` and `le` convert. */
function byteOrder(stem: string, digits: string, operands: readonly string[], line: Line): Instruction | undefined {
  const opcodes: { readonly [stem: string]: number } = {
    le: Class.ALU | Operation.END,
    be: Class.ALU | Operation.END | Source.X,
    swap: Class.ALU64 | Operation.END,
    bswap: Class.ALU64 | Operation.END,
  };
  const opcode = opcodes[stem];
  if (opcode === undefined) return undefined;
  return slot({ opcode, dst: register(operands[0], line), immediate: Number(digits) });
}

const SIZES: { readonly [suffix: string]: number } = { w: 0x00, h: 0x08, b: 0x10, dw: 0x18 };

function memory(mnemonic: string, operands: readonly string[], line: Line): Instruction | undefined {
  const [, kind, signed, suffix] = /^(ldx|stx|st)(s?)(b|h|w|dw)$/.exec(mnemonic) ?? [];
  if (kind === undefined) return undefined;
  const size = SIZES[suffix!]!;
  if (kind === 'ldx') {
    const { base, offset } = place(operands[1], line);
    const mode = signed === 's' ? Mode.MEMSX : Mode.MEM;
    return slot({ opcode: Class.LDX | mode | size, dst: register(operands[0], line), src: base, offset });
  }
  const { base, offset } = place(operands[0], line);
  if (kind === 'st')
    return slot({ opcode: Class.ST | Mode.MEM | size, dst: base, offset, immediate: immediate(operands[1], line) });
  return slot({ opcode: Class.STX | Mode.MEM | size, dst: base, offset, src: register(operands[1], line) });
}

const ATOMICS: { readonly [stem: string]: number } = {
  add: Operation.ADD,
  or: Operation.OR,
  and: Operation.AND,
  xor: Operation.XOR,
  xchg: Atomic.XCHG,
  cmpxchg: Atomic.CMPXCHG,
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
  const immediate = operation | (fetch === undefined ? 0 : Atomic.FETCH);
  return slot({
    opcode: Class.STX | Mode.ATOMIC | size,
    dst: base,
    src: register(operands[1], line),
    offset,
    immediate,
  });
}

/** A local function by label, a kernel function (`runtime`) or helper by number, or a call through a register. */
function call(operands: readonly string[], line: Line): Instruction {
  const opcode = Class.JMP | Jump.CALL;
  const [first, second] = operands;
  if (first === 'local') return slot({ opcode, src: 1, immediate: line.distance(second) });
  if (first === 'runtime') return slot({ opcode, src: 2, immediate: immediate(second, line) });
  if (/^%?r\d+$/.test(first ?? '')) return slot({ opcode: opcode | Source.X, dst: register(first, line) });
  return slot({ opcode, immediate: immediate(first, line) });
}

function wideImmediate([destination, value]: readonly string[], line: Line): Instruction[] {
  if (value === undefined || !/^-?(0x[0-9a-f]+|\d+)$/i.test(value)) return line.fail('a number of 64 bits');
  const magnitude = BigInt(value.replace('-', ''));
  const number = value.startsWith('-') ? -magnitude : magnitude;
  const dst = register(destination, line);
  return [
    slot({ opcode: 0x18, dst, immediate: Number(BigInt.asIntN(32, number)) }),
    slot({ immediate: Number(BigInt.asIntN(32, number >> 32n)) }),
  ];
}

function withSource(opcode: number, operand: string | undefined, line: Line): Partial<Instruction> {
  if (operand !== undefined && /^%?r\d+$/.test(operand)) {
    return { opcode: opcode | Source.X, src: register(operand, line) };
  }
  return { opcode, immediate: immediate(operand, line) };
}
