import { invariant } from '../language/invariant.ts';
import type { World } from '../model/world.ts';
import { mappings, mappingsOf } from './ghosts/mappings.ts';

/** The one writable alias that text may have. It comes and goes within a step, so the journal shows it and no state does. */
export const thePokeAliasIsNeverExecutable = invariant({
  name: 'the-poke-alias-is-never-executable',
  law: 'The temporary alias of text, which can be written, cannot be executed, not even while it stands.',
  ghosts: [mappings],
  concerns: (world: World) => mappingsOf(world).order.pokeAliases > 0,
  judgeStep(world: World, _, violated) {
    for (const evidence of mappingsOf(world).order.executablePokeAlias) violated(evidence);
  },
});
