import { invariant } from '../language/invariant.ts';
import type { World } from '../model/world.ts';

export const locksAreReleasedByTheirHolders = invariant<World>({
  name: 'locks-are-released-by-their-holders',
  law: 'No lock is released that the releasing step does not hold.',
  judge({ locks: { account } }, violated) {
    if (account.releasedUnheld > 0) violated(`a lock was released ${account.releasedUnheld} times without being held`);
  },
});
