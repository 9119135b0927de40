import type { Core } from './core.ts';
import type { Outcome } from './exception.ts';

/** What an instruction does to a core. It goes on at the next instruction unless it jumps. */
export type Execute = (core: Core, instruction: Decoded) => Outcome;

/** Which operands an instruction has, destination first, as the SDM lists them. */
export type Form =
  | 'none'
  | 'rm'
  | 'rm, register'
  | 'register, rm'
  | 'rm, immediate'
  | 'register, rm, immediate'
  /** The last one is VEX.vvvv. */
  | 'register, rm, register'
  | 'rm, cl'
  /** A distance from the next instruction. */
  | 'relative';

/** Stands in {@link Decoded.rm} for a memory operand. */
export const MEMORY = -1;
/** Stands in base and index for "none". */
export const NONE = -1;
/** Stands in {@link Decoded.base} for the address of the next instruction. */
export const RIP = 16;
/** Added to a register number 0..3 of width 8: ah, ch, dh, bh, which is what 4..7 mean without a REX prefix. */
export const HIGH_BYTE = 32;

/** One decoded instruction: plain data plus the function that performs it. All of one shape, so that access stays fast. */
export interface Decoded {
  /** The mnemonic, in the spelling of the SDM and in lower case. */
  readonly name: string;
  readonly execute: Execute;
  readonly form: Form;
  /** Bytes, 1 to 15. */
  readonly length: number;
  /** Operand size in bits: 8, 16, 32 or 64. */
  readonly width: number;
  /** Size of the rm operand in bits where it differs (movzx, movsx, movsxd), else equal to width. */
  readonly sourceWidth: number;
  /** ModRM.reg. */
  readonly register: number;
  /** ModRM.rm when it names a register, or the register in the opcode, or {@link MEMORY}. */
  readonly rm: number;
  /** VEX.vvvv, the count register of shlx, shrx and sarx. */
  readonly vvvv: number;
  /** True when the rm operand is memory. */
  readonly inMemory: boolean;
  readonly base: number;
  readonly index: number;
  /** The index is shifted left by this: 0 to 3. */
  readonly scaleShift: number;
  readonly displacement: number;
  /** True when the address is a base register and a displacement, which nearly all are. */
  readonly plainAddress: boolean;
  /** True when the gs base is added. */
  readonly gs: boolean;
  /** True when a non-canonical address is a stack fault: the base is rsp or rbp and there is no segment override. */
  readonly stackSegment: boolean;
  /** The halves of the immediate, sign-extended to 64 bits where the instruction does so; undefined without one. */
  readonly immediate: Int32Array | undefined;
  /** The low nibble of the opcode of Jcc and CMOVcc. */
  readonly condition: number;
  readonly lock: boolean;
  /** True for whatever reads or changes the instruction pointer: jumps, calls, traps and rip-relative operands. */
  readonly endsBlock: boolean;

  /** The first operand, as a place in the register file's halves. It is the one written. */
  readonly left: number;
  /** True when the first operand is the one in memory. */
  readonly leftInMemory: boolean;
  /** The second operand: a place in the immediate where there is one, else in the register file's halves. */
  readonly right: number;
}
