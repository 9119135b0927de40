import { invariant } from '../language/invariant.ts';
import type { World } from '../model/world.ts';
import { dispatcherTable } from './ghosts/dispatcher-table.ts';
import { textOwners } from './ghosts/text-owners.ts';

/** The size is read from a header that was written, and before the traps are poked over it. */
export const aFreeReturnsWhatWasCharged = invariant<World>({
  name: 'a-free-returns-what-was-charged',
  law: 'Text is freed with the size it was allocated with: exactly its charge comes back.',
  ghosts: [dispatcherTable, textOwners],
  concerns: (world) => (textOwners.of(world).ended?.charge ?? 0) > 0,
  judgeStep(world, { changes }, violated) {
    const { limit } = world.text;
    const { ended } = textOwners.of(world);
    let before = limit.current;
    let seen = false;
    changes.each((owner, key, old) => {
      if (owner !== limit || key !== 'current' || seen) return;
      before = old as number;
      seen = true;
    });
    const returned = before - limit.current;
    if (returned !== ended!.charge) {
      violated(`a ${ended!.kind} of ${ended!.size} bytes was charged ${ended!.charge}, and ${returned} came back`);
    }
  },
});
