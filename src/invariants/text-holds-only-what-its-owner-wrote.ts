import { invariant } from '../language/invariant.ts';
import type { World } from '../model/world.ts';
import { dispatcherTable } from './ghosts/dispatcher-table.ts';
import { describeDifference, differences, textPages } from './ghosts/text-content.ts';
import { textOwners } from './ghosts/text-owners.ts';

/** Exposure: no byte of a previous owner or of a neighbour, none that a copy forgot, none that somebody else's copy hit. */
export const textHoldsOnlyWhatItsOwnerWrote = invariant({
  name: 'text-holds-only-what-its-owner-wrote',
  law: 'Text in use holds the filler or what its present owner wrote there, byte for byte.',
  ghosts: [dispatcherTable, textOwners],
  over: textPages,
  judge(world: World, page, violated) {
    for (const difference of differences(world, page)) {
      const { owner } = difference;
      if (owner !== undefined) violated(`in the text of a ${owner.kind}, ${describeDifference(difference)}`);
    }
  },
});
