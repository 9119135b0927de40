import { invariant } from '../language/invariant.ts';
import { pagesAtLevel } from '../model/machine/page-table.ts';
import { FORCED_4K, isPresent, LARGE } from '../model/machine/page-table-entry.ts';
import type { World } from '../model/world.ts';
import { sayMapping } from './evidence.ts';
import { mappings, mappingsOf } from './ghosts/mappings.ts';

/**
 * The entries are those that stood in the table when it was taken out of the tree, which the journal still shows: the ghost
 * reads them there. A table without any entry was no collapse: a huge vmalloc mapping took its place. Judged whenever a large
 * entry came or changed, so also on kernels that merge nothing.
 */
export const collapsedLeavesSayWhatTheirEntriesSaid = invariant({
  name: 'collapsed-leaves-say-what-their-entries-said',
  law: 'A large entry that replaces a table says of each page what the table said, and no entry that must stay small is merged.',
  ghosts: [mappings],
  concerns: (world: World) => mappingsOf(world).changed.some(({ level }) => level > 1),
  judgeStep(world: World, _, violated) {
    for (const { leaf, entries } of mappingsOf(world).collapses) {
      const step = pagesAtLevel(leaf.level - 1);
      const wrong = entries.findIndex(({ flags, frame }, index) => {
        const same = (flags & ~LARGE) === (leaf.flags & ~LARGE) && frame === leaf.frame + index * step;
        return !same || !isPresent(flags) || (flags & FORCED_4K) !== 0;
      });
      if (wrong >= 0) violated(`${sayMapping(leaf)} does not say what entry ${wrong} of the table before it said`);
    }
  },
});
