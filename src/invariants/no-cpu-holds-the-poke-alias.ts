import { invariant } from '../language/invariant.ts';
import type { World } from '../model/world.ts';
import type { Held } from './domains/held-index.ts';
import { heldTranslations } from './domains/held-translations.ts';
import { sayHeld } from './evidence.ts';
import { mappings } from './ghosts/mappings.ts';

export const noCpuHoldsThePokeAlias = invariant({
  name: 'no-cpu-holds-the-poke-alias',
  law: 'Between pokes no CPU holds a translation of the temporary alias of text.',
  over: heldTranslations,
  ghosts: [mappings],
  judge({ textPoke }: World, held: Held, violated) {
    if (held.translation.space === textPoke.space.id) violated(`${sayHeld(held)} of a poke that is over`);
  },
});
