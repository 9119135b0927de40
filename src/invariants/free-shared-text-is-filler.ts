import { invariant } from '../language/invariant.ts';
import type { World } from '../model/world.ts';
import { sharedTextAccount } from './ghosts/shared-text-account.ts';
import { sharedTextPages, wrongBytes } from './ghosts/shared-text-content.ts';

/** Zeros in the blocks of the proposal until they were used once, traps everywhere else; in the text's tail what the linker left. */
export const freeSharedTextIsFiller = invariant({
  name: 'free-shared-text-is-filler',
  law: 'Every byte of shared text that nobody holds is what its memory was born with, or a trap since it was last freed.',
  ghosts: [sharedTextAccount],
  over: sharedTextPages,
  judge(world: World, page, violated) {
    for (const { owner, evidence } of wrongBytes(world, page)) {
      if (owner === undefined) violated(`in free text, ${evidence}`);
    }
  },
});
