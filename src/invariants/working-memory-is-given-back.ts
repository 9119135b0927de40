import { invariant } from '../language/invariant.ts';
import type { CoreWorld } from '../model/bpf/core-relocation/world/core-world.ts';
import { objectAfter } from './core-relocation/step.ts';

/** Whoever may load programs may send records that are refused, as often as they like: nothing may stay behind for one. */
export const workingMemoryIsGivenBack = invariant<CoreWorld>({
  name: 'working-memory-is-given-back',
  law: 'A load frees the working memory of each of its records, whether it is applied or refused.',
  concerns({ kernel }, happened) {
    const after = objectAfter(happened, 'loaded');
    // A kernel that died gives nothing back; that is another law.
    const isDead = after?.state.refusal?.kind === 'oops';
    return (
      after !== undefined &&
      !isDead &&
      (kernel.heldRecords > 0 || after.state.loads.some(({ records }) => records.length > 0))
    );
  },
  judgeStep({ kernel }, _, violated) {
    if (kernel.heldRecords > 0) violated(`the working memory of ${kernel.heldRecords} record(s) is still held`);
  },
});
