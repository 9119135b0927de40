import { invariant } from '../language/invariant.ts';
import { Tlb } from '../model/machine/tlb.ts';
import type { World } from '../model/world.ts';
import { mappings, mappingsOf } from './ghosts/mappings.ts';

/** Judged on steps that do nothing but poke: no memory came or went, and every mapping is as before. */
export const pokesConcernOneCpu = invariant({
  name: 'pokes-concern-one-cpu',
  law: 'Poking text changes and flushes the translations of the poking CPU alone.',
  ghosts: [mappings],
  concerns: (world: World) => {
    const { order, changed, gone } = mappingsOf(world);
    return order.pokers.size > 0 && !order.framesChangedHands && changed.length === 0 && gone.length === 0;
  },
  judgeStep(world: World, { changes }, violated) {
    const { order } = mappingsOf(world);
    if (order.globalFlushes > 0) violated(`a poke flushed every CPU ${order.globalFlushes} times`);
    for (const { cpu } of changes.of(Tlb)) {
      if (!order.pokers.has(cpu)) violated(`CPU ${cpu}'s translations changed though it did not poke`);
    }
  },
});
