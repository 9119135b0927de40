import { invariant } from '../language/invariant.ts';
import { pagesAtLevel } from '../model/machine/page-table.ts';
import type { World } from '../model/world.ts';
import type { Held } from './domains/held-index.ts';
import { heldTranslations } from './domains/held-translations.ts';
import { sayHeld, sayMapping } from './evidence.ts';
import { mappings, mappingsOf } from './ghosts/mappings.ts';

export const addressesAreFlushedBeforeReuse = invariant({
  name: 'addresses-are-flushed-before-reuse',
  law: 'A CPU that holds a translation of a mapped address holds the frame that the tables name for it.',
  over: heldTranslations,
  ghosts: [mappings],
  judge(world: World, held: Held, violated) {
    const { firstPage, frame, level, space } = held.translation;
    const end = firstPage + pagesAtLevel(level);
    for (let page = firstPage; page < end; ) {
      const now = mappingsOf(world).leafAt(page, space);
      if (now !== undefined && now.frame + (page - now.page) !== frame + (page - firstPage)) {
        violated(`${sayHeld(held)} but ${sayMapping(now)}`);
      }
      page = now === undefined ? page + 1 : now.page + pagesAtLevel(now.level);
    }
  },
});
