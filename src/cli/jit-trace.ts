/** The programs of a trace of the suite `whole`, as its own kernel, machine, arenas and fault let the JIT compile them. */
import { performOn, sessionOptions } from '../engine/perform.ts';
import { Session } from '../engine/session.ts';
import { InputError } from '../language/input-error.ts';
import type { PlacedProgram } from '../model/bpf/compile-program.ts';
import type { BpfProgram } from '../model/bpf/life/bpf-program.ts';
import type { Desk } from './desk.ts';
import { loadTrace } from './traces.ts';

/** Whether a text is such a trace; a program block in any other text is only a program. */
export const isTraceOfPrograms = (text: string): boolean => /^suite:\s*whole\s*$/m.test(text);

export interface TracedPrograms {
  readonly kernel: string;
  /** In the order in which they are compiled. */
  readonly programs: readonly PlacedProgram[];
}

/** Performs the trace, without judging it. Throws an InputError when no step of it compiles a program. */
export function programsOfTrace(desk: Desk, path: string): TracedPrograms {
  const { trace, suite, kernel } = loadTrace(desk, path);
  const programs: PlacedProgram[] = [];
  performOn(new Session(suite, { ...sessionOptions(suite, trace, {}), judging: false }), trace, {
    watch({ happened }) {
      if (happened?.operation.name !== 'bpf_int_jit_compile' || happened.returned !== 0) return;
      const { loaded, texts } = happened.taken.prog as BpfProgram;
      programs.push({ kind: 'placed', loaded, functions: texts.map(({ compiled }) => compiled) });
    },
  });
  if (programs.length > 0) return { kernel, programs };
  throw new InputError('no step of the trace compiles a program (bpf_int_jit_compile)', { file: path });
}
