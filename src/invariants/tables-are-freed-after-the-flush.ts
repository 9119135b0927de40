import { invariant } from '../language/invariant.ts';
import type { World } from '../model/world.ts';
import { mappings, mappingsOf } from './ghosts/mappings.ts';

export const tablesAreFreedAfterTheFlush = invariant({
  name: 'tables-are-freed-after-the-flush',
  law: 'A page table that left the tree goes back to the page allocator only after the CPUs were flushed.',
  ghosts: [mappings],
  concerns: (world: World) => mappingsOf(world).order.tablesFreed > 0,
  judgeStep(world: World, _, violated) {
    for (const evidence of mappingsOf(world).order.tablesFreedBeforeFlush) violated(evidence);
  },
});
