import { invariant } from '../language/invariant.ts';
import type { World } from '../model/world.ts';
import { sharedTextAccount } from './ghosts/shared-text-account.ts';
import { sharedTextPages, wrongBytes } from './ghosts/shared-text-content.ts';

/** No neighbour writes there, no copy forgets a byte, and none made of an older state takes back what was poked meanwhile. */
export const sharedTextHoldsOnlyWhatItsOwnerWrote = invariant({
  name: 'shared-text-holds-only-what-its-owner-wrote',
  law: 'Shared text in use holds what it held when it was given out, and what its owner or a poke in its name wrote since.',
  ghosts: [sharedTextAccount],
  over: sharedTextPages,
  judge(world: World, page, violated) {
    for (const { owner, evidence } of wrongBytes(world, page)) {
      if (owner !== undefined) violated(`in the text of a ${owner.kind}, ${evidence}`);
    }
  },
});
