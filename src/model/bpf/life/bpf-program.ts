import type { Binary } from '../../kernel/binary-pack.ts';
import type { TextAddress } from '../../kernel/text-address.ts';
import type { Arena } from '../arena.ts';
import type { Instruction } from '../instruction.ts';
import type { CompiledFunction } from '../jit/program.ts';
import type { LoadedProgram } from '../load.ts';
import type { Program } from '../program.ts';

/** One function of a program in text. */
export interface FunctionText {
  readonly compiled: CompiledFunction;
  readonly binary: Binary;
}

/** A direct tail call in the code of a program, and the program that it leads to now. */
export interface TailCallPatch {
  /** Address of the jump around the call; a nop while there is a program to call. */
  readonly bypass: TextAddress;
  /** Where the bypass jumps. */
  readonly resume: TextAddress;
  /** Address of the nop that becomes a jump into the program. */
  readonly target: TextAddress;
  readonly slot: number;
  /** Index of the call among the author's instructions. */
  readonly at: number;
  leadsTo: BpfProgram | undefined;
}

/**
 * loaded: verified and rewritten. jited: compiled, in text that is still traps. live: it can be run. freed: nothing is left.
 */
export type ProgramState = 'loaded' | 'jited' | 'live' | 'freed';

/** A program from BPF_PROG_LOAD to its end (struct bpf_prog and its bpf_prog_aux). */
export interface BpfProgram {
  /** Which struct bpf_prog it has. */
  readonly descriptor: number;
  readonly author: readonly Instruction[];
  /** What the program means, for the interpreter. */
  readonly meaning: Program;
  readonly loaded: LoadedProgram;
  readonly arena: Arena | undefined;
  /** net.core.bpf_jit_harden was on when it was loaded. */
  readonly blinded: boolean;
  /** Its results depend on where its stack is, which the interpreter knows of programs that nothing calls. */
  readonly tellsItsStack: boolean;
  /** By number of poke descriptor, from 1: the slot and the author's instruction. */
  readonly tailCalls: readonly { readonly slot: number; readonly at: number }[];
  state: ProgramState;
  texts: readonly FunctionText[];
  patches: readonly TailCallPatch[];
}

/** bpf_func of a function: where callers enter. */
export const entryOf = ({ compiled }: FunctionText, cfiBytes: number): TextAddress => compiled.address + cfiBytes;
