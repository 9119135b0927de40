/**
 * Reads BPF assembly in the words of the kernel's disassembler, as assembly-print.ts writes them. Line numbers and opcodes
 * in front may be missing, `pc` in jump targets too, and numbers may be decimal or hexadecimal. A 64-bit constant says so
 * with `ll` behind it or with its opcode (18) in front. Empty lines and lines that begin with `#` are passed over.
 */

import {
  parseAssigned,
  parseLocked,
  parseStore,
  parseStoreRelease,
  readRegister,
  readSigned,
} from './assembly-operands.ts';
import { Scanner, Unexpected } from './assembly-scan.ts';
import { COMPARISONS, fieldOf, OPERATORS } from './assembly-words.ts';
import { Callee, Class, type Instruction, InternalMode, instruction, Jump, LD_IMM64, Source } from './instruction.ts';

export type ParsedAssembly =
  | { readonly kind: 'program'; readonly instructions: readonly Instruction[] }
  /** `line` and `column` count from 1. */
  | { readonly kind: 'error'; readonly line: number; readonly column: number; readonly message: string };

/** A whole program, one instruction a line. The first line that can't be read ends it. */
export function parseAssembly(text: string): ParsedAssembly {
  const instructions: Instruction[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    if (/^\s*(#|$)/.test(line)) continue;
    try {
      instructions.push(...parseLine(new Scanner(line)));
    } catch (error) {
      if (!(error instanceof Unexpected)) throw error;
      return { kind: 'error', line: index + 1, column: error.column, message: error.message };
    }
  }
  return { kind: 'program', instructions };
}

/** One or, for a wide load, two slots. */
function parseLine(s: Scanner): Instruction[] {
  s.match(/\d+:/y);
  const opcode = s.match(/\(([0-9a-f]{2})\)/y);
  const stated = opcode === undefined ? undefined : Number.parseInt(opcode[1]!, 16);
  const start = s.position;
  const slots = parseStatement(s, stated === LD_IMM64).map((slot) => ({ ...slot }));
  while (s.take(';')) readHiddenField(s, slots);
  if (!s.atEnd()) s.fail('the end of the line');
  if (stated !== undefined && stated !== slots[0]!.opcode) {
    s.position = start;
    s.fail(`an instruction with opcode ${opcode![1]}`);
  }
  return slots;
}

/** `; field value`: what the text of an instruction does not tell. */
function readHiddenField(s: Scanner, slots: { -readonly [field in keyof Instruction]: Instruction[field] }[]): void {
  const slot = s.take('second') ? (slots[1] ?? s.fail('a wide load in front of "second"')) : slots[0]!;
  if (s.take('dst')) slot.dst = Number(s.integer('a register number', 0n, 15n));
  else if (s.take('src')) slot.src = Number(s.integer('a register number', 0n, 15n));
  else if (s.take('offset')) slot.offset = readSigned(s, 16);
  else if (s.take('immediate')) slot.immediate = readSigned(s, 32);
  else s.fail('dst, src, offset or immediate');
}

function parseStatement(s: Scanner, wide: boolean): Instruction[] {
  if (s.take('exit')) return [instruction(Class.JMP | Jump.EXIT)];
  if (s.take('nospec')) return [instruction(Class.ST | InternalMode.NOSPEC)];
  if (s.take('goto')) return [instruction(Class.JMP | Jump.JA, { offset: readTarget(s, 16) })];
  if (s.take('gotol')) return [instruction(Class.JMP32 | Jump.JA, { immediate: readTarget(s, 32) })];
  if (s.take('may_goto')) return [instruction(Class.JMP | Jump.JCOND, { offset: readTarget(s, 16) })];
  if (s.take('call')) return [parseCall(s)];
  if (s.take('tail_call')) return [parseTailCall(s)];
  if (s.take('if')) return [parseConditional(s)];
  if (s.take('raw'))
    return [instruction(Number.parseInt(s.match(/[0-9a-f]{2}\b/y)?.[0] ?? s.fail('an opcode such as b7'), 16))];
  if (s.take('lock')) return [parseLocked(s)];
  if (s.take('store_release')) return [parseStoreRelease(s)];
  if (s.take('*')) return [parseStore(s)];
  return parseAssignment(s, wide);
}

function parseAssignment(s: Scanner, wideLoad: boolean): Instruction[] {
  const { number: dst, wide } = readRegister(s, 'an instruction');
  const operator = s.match(/s?>>=|<<=|s?[/%]=|[-+*|&^]=|=/y)?.[0] ?? s.fail('an operator such as += or =');
  if (operator === '=') return parseAssigned(s, dst, wide, wideLoad);
  const signedDivision = operator === 's/=' || operator === 's%=';
  const operation = fieldOf(OPERATORS, signedDivision ? operator.slice(1) : operator)!;
  const offset = signedDivision ? 1 : 0;
  const class_ = wide ? Class.ALU64 : Class.ALU;
  if (!nextIsRegister(s)) return [instruction(class_ | operation, { dst, offset, immediate: readSigned(s, 32) })];
  const { number: src } = readRegister(s, 'a register', wide);
  return [instruction(class_ | operation | Source.X, { dst, src, offset })];
}

function parseConditional(s: Scanner): Instruction {
  const { number: dst, wide } = readRegister(s, 'a register');
  const word = s.match(/s?[<>]=?|[=!]=|&/y)?.[0] ?? s.fail('a comparison such as == or s<');
  const jump = (wide ? Class.JMP : Class.JMP32) | fieldOf(COMPARISONS, word)!;
  const right = nextIsRegister(s)
    ? { source: Source.X, src: readRegister(s, 'a register', wide).number }
    : { source: Source.K, immediate: readSigned(s, 32) };
  const { source, ...operand } = right;
  s.expect('goto');
  return instruction(jump | source, { dst, ...operand, offset: readTarget(s, 16) });
}

function parseCall(s: Scanner): Instruction {
  const opcode = Class.JMP | Jump.CALL;
  if (s.match(/pc(?=[-+])/y) !== undefined)
    return instruction(opcode, { src: Callee.FUNCTION, immediate: readSigned(s, 32) });
  const name = s.match(/([A-Za-z_][\w-]*)#/y)?.[1];
  const src = name === 'kernel-function' ? Callee.KFUNC : Callee.HELPER;
  return instruction(opcode, { src, immediate: readSigned(s, 32) });
}

function parseTailCall(s: Scanner): Instruction {
  const direct = !s.atEnd() && s.text[s.position] !== ';';
  const immediate = direct ? Number(s.integer('the number of a slot', 0n, 0x7ffffffen)) + 1 : 0;
  return instruction(Class.JMP | Jump.TAIL_CALL, { immediate });
}

const nextIsRegister = (s: Scanner): boolean => {
  s.take('');
  return /^[rw]\d/.test(s.text.slice(s.position));
};

/** A distance in slots from the next instruction. */
function readTarget(s: Scanner, bits: number): number {
  s.match(/pc(?=[-+])/y);
  return readSigned(s, bits, 'a distance such as +2');
}
