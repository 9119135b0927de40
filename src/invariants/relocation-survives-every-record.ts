import { invariant } from '../language/invariant.ts';
import type { CoreWorld } from '../model/bpf/core-relocation/world/core-world.ts';
import { objectAfter } from './core-relocation/step.ts';

/** Records come from whoever may load programs; whatever they say, the answer is an errno. */
export const relocationSurvivesEveryRecord = invariant<CoreWorld>({
  name: 'relocation-survives-every-record',
  law: 'No record makes libbpf or the kernel touch memory that is not there.',
  concerns: (_, happened) => objectAfter(happened, 'passed', 'loaded', 'refused') !== undefined,
  judgeStep(_, happened, violated) {
    const { object, state } = objectAfter(happened, 'passed', 'loaded', 'refused')!;
    const refusal = state.kind === 'passed' ? undefined : state.refusal;
    if (refusal?.kind === 'oops') violated(`the ${object.loading} load does not survive: ${refusal.reason}`);
  },
});
