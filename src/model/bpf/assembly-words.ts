/** The words of the kernel's disassembler (kernel/bpf/disasm.c) that printing and parsing share, by opcode field. */
import { Jump, Operation, Size } from './instruction.ts';

export const OPERATORS: ReadonlyMap<number, string> = new Map([
  [Operation.ADD, '+='],
  [Operation.SUB, '-='],
  [Operation.MUL, '*='],
  [Operation.DIV, '/='],
  [Operation.OR, '|='],
  [Operation.AND, '&='],
  [Operation.LSH, '<<='],
  [Operation.RSH, '>>='],
  [Operation.MOD, '%='],
  [Operation.XOR, '^='],
  [Operation.MOV, '='],
  [Operation.ARSH, 's>>='],
]);

export const COMPARISONS: ReadonlyMap<number, string> = new Map([
  [Jump.JEQ, '=='],
  [Jump.JGT, '>'],
  [Jump.JGE, '>='],
  [Jump.JSET, '&'],
  [Jump.JNE, '!='],
  [Jump.JSGT, 's>'],
  [Jump.JSGE, 's>='],
  [Jump.JLT, '<'],
  [Jump.JLE, '<='],
  [Jump.JSLT, 's<'],
  [Jump.JSLE, 's<='],
]);

export const SIZE_BITS: ReadonlyMap<number, number> = new Map([
  [Size.B, 8],
  [Size.H, 16],
  [Size.W, 32],
  [Size.DW, 64],
]);

/** The atomic operations that x86 and RFC 9669 section 5.3 both have, with and without the old value. */
export const ATOMIC_NAMES: ReadonlyMap<number, string> = new Map([
  [Operation.ADD, 'add'],
  [Operation.OR, 'or'],
  [Operation.AND, 'and'],
  [Operation.XOR, 'xor'],
]);

/** The field that a word stands for, or undefined. */
export function fieldOf(table: ReadonlyMap<number, string | number>, word: string | number): number | undefined {
  for (const [field, name] of table) if (name === word) return field;
  return undefined;
}
