import { invariant } from '../language/invariant.ts';
import type { World } from '../model/world.ts';
import { heldTranslations } from './domains/held-translations.ts';
import { sayHeld, sayMapping } from './evidence.ts';
import { type Held, mappings, mappingsOf } from './ghosts/mappings.ts';

export const addressesAreFlushedBeforeReuse = invariant({
  name: 'addresses-are-flushed-before-reuse',
  law: 'A CPU that holds a translation of a mapped address holds the frame that the tables name for it.',
  over: heldTranslations,
  ghosts: [mappings],
  judge(world: World, held: Held, violated) {
    const { firstPage, frame, space } = held.translation;
    const now = mappingsOf(world).leafAt(firstPage, space);
    if (now !== undefined && now.frame + (firstPage - now.page) !== frame)
      violated(`${sayHeld(held)} but ${sayMapping(now)}`);
  },
});
