import { Callee, type Instruction } from './instruction.ts';
import type { Helper } from './kernel-function.ts';
import type { ArenaWindow } from './memory-step.ts';

/** What a call instruction calls. */
export type CallTarget =
  | { readonly kind: 'function'; readonly start: number }
  | { readonly kind: 'helper'; readonly name: string; readonly helper: Helper | undefined }
  | { readonly kind: 'unknown'; readonly name: string };

/**
 * A program as the interpreter takes it: the functions' instructions one after another, main first, with calls and
 * function addresses still in the form of whoever made it; {@link resolveCall} and {@link functionAt} say what they mean.
 */
export interface Program {
  readonly instructions: readonly Instruction[];

  /** What the call at an index calls. It is asked once per call instruction, before the program runs. */
  resolveCall(instruction: Instruction, index: number): CallTarget;

  /** The first instruction of the function a callback address stands for; undefined when it stands for none. */
  functionAt(address: bigint): number | undefined;

  /** The arena of this program, where programs that call one another have arenas of their own. */
  readonly arena?: ArenaWindow | undefined;

  /** Where the exception callback starts. Without one bpf_throw ends the program with its cookie. */
  readonly exceptionCallback?: number | undefined;
}

/** A program whose calls are relative, as RFC 9669 section 4.3.1 has them, with helpers by number. */
export function linkedProgram(
  instructions: readonly Instruction[],
  helperNumbered: (number: number) => Helper | undefined = () => undefined,
): Program {
  return {
    instructions,
    resolveCall: ({ src, immediate }, index) => {
      if (src === Callee.FUNCTION) return { kind: 'function', start: index + 1 + immediate };
      if (src === Callee.KFUNC) return { kind: 'unknown', name: `kernel function with BTF id ${immediate}` };
      return { kind: 'helper', name: `helper ${immediate}`, helper: helperNumbered(immediate) };
    },
    functionAt: () => undefined,
  };
}
