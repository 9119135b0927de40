import { invariant } from '../language/invariant.ts';
import type { CoreWorld } from '../model/bpf/core-relocation/world/core-world.ts';
import { objectAfter } from './core-relocation/step.ts';

/** What a second shift by sub_insn_off leads to: the descriptor's index is added to wherever code is appended, and only there. */
export const recordsLieInTheirProgram = invariant<CoreWorld>({
  name: 'records-lie-in-their-program',
  law: 'The records of an assembled program point at its own instructions, in ascending order.',
  concerns: (_, happened) => (objectAfter(happened, 'linked')?.state.linked.length ?? 0) > 0,
  judgeStep(_, happened, violated) {
    for (const { main, image, relocations } of objectAfter(happened, 'linked')!.state.linked) {
      let before = -1;
      for (const { kind, index } of relocations) {
        if (kind !== 'core') continue;
        const length = image.length / 8;
        if (index < 0 || index >= length) violated(`${main.name} of ${length} instructions has a record at ${index}`);
        if (index <= before) violated(`${main.name} has a record at ${index} behind one at ${before}`);
        before = index;
      }
    }
  },
});
