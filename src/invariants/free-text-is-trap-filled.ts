import { invariant } from '../language/invariant.ts';
import type { World } from '../model/world.ts';
import { dispatcherTable } from './ghosts/dispatcher-table.ts';
import { describeDifference, differences, textPages } from './ghosts/text-content.ts';
import { textOwners } from './ghosts/text-owners.ts';

/**
 * Text that nobody holds cannot be used. Its filler is 0xcc; a pack that was made for the dispatcher was born full of zeros,
 * and a trampoline's last chunk keeps what lay behind its end. Dedicated areas are not refilled, because they go away whole.
 */
export const freeTextIsTrapFilled = invariant({
  name: 'free-text-is-trap-filled',
  law: 'Every byte of executable memory that nobody holds is the filler.',
  ghosts: [dispatcherTable, textOwners],
  over: textPages,
  judge(world: World, page, violated) {
    for (const difference of differences(world, page)) {
      if (difference.owner === undefined) violated(`in free text, ${describeDifference(difference)}`);
    }
  },
});
