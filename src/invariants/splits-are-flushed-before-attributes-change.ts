import { invariant } from '../language/invariant.ts';
import type { World } from '../model/world.ts';
import { mappings, mappingsOf } from './ghosts/mappings.ts';

export const splitsAreFlushedBeforeAttributesChange = invariant({
  name: 'splits-are-flushed-before-attributes-change',
  law: 'After a large entry is split, every CPU is flushed before any of the smaller entries changes.',
  ghosts: [mappings],
  concerns: (world: World) => mappingsOf(world).order.splits > 0,
  judgeStep(world: World, _, violated) {
    for (const evidence of mappingsOf(world).order.attributesBeforeSplitFlush) violated(evidence);
  },
});
