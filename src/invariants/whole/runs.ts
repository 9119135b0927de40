import type { Happened } from '../../language/invariant.ts';
import { Refusal } from '../../language/operation.ts';
import type { BpfProgram, FunctionText } from '../../model/bpf/life/bpf-program.ts';
import type { WholeWorld } from '../../model/whole-world.ts';

/** Whether the step was a run that was compared. */
export const isRun = ({ operation, returned }: Happened): boolean =>
  operation.name === 'bpf_prog_run' && !(returned instanceof Refusal);

/** Every function of every program whose text is finished. */
export const liveTexts = ({ programs }: WholeWorld): readonly FunctionText[] =>
  programs.all.items.flatMap(({ state, texts }: BpfProgram) => (state === 'live' ? texts : []));
