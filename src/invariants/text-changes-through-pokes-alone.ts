import { invariant } from '../language/invariant.ts';
import type { World } from '../model/world.ts';
import { mappings, mappingsOf } from './ghosts/mappings.ts';

export const textChangesThroughPokesAlone = invariant({
  name: 'text-changes-through-pokes-alone',
  law: 'Bytes of executable memory change only while a CPU runs in the poking address space.',
  ghosts: [mappings],
  concerns: (world: World) => mappingsOf(world).order.textWrites > 0,
  judgeStep(world: World, _, violated) {
    for (const evidence of mappingsOf(world).order.textWrittenDirectly) violated(evidence);
  },
});
