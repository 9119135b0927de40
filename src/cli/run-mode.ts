import type { Mode } from '../conform/program-run.ts';
import { InputError } from '../language/input-error.ts';
import type { VerbOption } from './verb.ts';

/** How a program is run: by what it means, or as what the JIT makes of it. */
export const modeOptions: readonly VerbOption[] = [
  { syntax: '--jit', does: 'compile it and run the machine code on the modelled CPU (default)' },
  { syntax: '--interpret', does: 'run it in the interpreter' },
];

export interface ModeOptions {
  readonly jit?: boolean;
  readonly interpret?: boolean;
}

export function modeOf({ jit = false, interpret = false }: ModeOptions): Mode {
  if (jit && interpret) throw new InputError('expected --jit or --interpret, not both');
  return interpret ? 'interpret' : 'jit';
}
