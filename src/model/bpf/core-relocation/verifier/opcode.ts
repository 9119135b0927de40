/**
 * The instruction set as the verifier's table knows it (RFC 9669; kernel/bpf/core.c:bpf_opcode_in_insntable()): which
 * opcodes exist, and what class, operation, size and mode their bits say.
 */
import { LD_IMM64 } from '../image.ts';

export const CLASS = { ld: 0, ldx: 1, st: 2, stx: 3, alu: 4, jmp: 5, jmp32: 6, alu64: 7 } as const;

export const classOf = (opcode: number): number => opcode & 7;
/** Operation of an arithmetic or jump instruction, 0 to 15. */
export const operationOf = (opcode: number): number => opcode >> 4;
/** Whether the second operand is a register. */
export const usesRegister = (opcode: number): boolean => (opcode & 8) !== 0;
/** Bytes a load or store accesses. */
export const accessBytes = (opcode: number): number => [4, 2, 1, 8][(opcode >> 3) & 3]!;

export const MODE = { imm: 0, abs: 1, ind: 2, mem: 3, memsx: 4, atomic: 6 } as const;
export const modeOf = (opcode: number): number => opcode >> 5;

export const JUMP = { always: 0, call: 8, exit: 9 } as const;
export const isJumpClass = (opcode: number): boolean =>
  classOf(opcode) === CLASS.jmp || classOf(opcode) === CLASS.jmp32;

/** A jump with a condition, as opposed to ja, call and exit. */
export const isConditionalJump = (opcode: number): boolean =>
  isJumpClass(opcode) && ![JUMP.always, JUMP.call, JUMP.exit].some((operation) => operation === operationOf(opcode));

export function opcodeExists(opcode: number): boolean {
  const operation = operationOf(opcode);
  const mode = modeOf(opcode);
  switch (classOf(opcode)) {
    case CLASS.alu:
      return operation <= 12 ? operation !== 8 || !usesRegister(opcode) : operation === 13;
    case CLASS.alu64:
      return operation <= 12 ? operation !== 8 || !usesRegister(opcode) : opcode === 0xd7;
    case CLASS.jmp:
      if (operation === JUMP.always || operation === JUMP.exit) return !usesRegister(opcode);
      return operation <= 13;
    case CLASS.jmp32:
      if (operation === JUMP.always) return !usesRegister(opcode);
      return operation <= 13 && operation !== JUMP.call && operation !== JUMP.exit;
    case CLASS.ldx:
      return mode === MODE.mem || (mode === MODE.memsx && accessBytes(opcode) < 8);
    case CLASS.st:
      return mode === MODE.mem;
    case CLASS.stx:
      return mode === MODE.mem || mode === MODE.atomic;
    default:
      return opcode === LD_IMM64 || ((mode === MODE.abs || mode === MODE.ind) && accessBytes(opcode) < 8);
  }
}
