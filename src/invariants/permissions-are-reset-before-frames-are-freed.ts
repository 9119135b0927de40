import { invariant } from '../language/invariant.ts';
import type { World } from '../model/world.ts';
import { mappings, mappingsOf } from './ghosts/mappings.ts';

export const permissionsAreResetBeforeFramesAreFreed = invariant({
  name: 'permissions-are-reset-before-frames-are-freed',
  law: 'A direct-map entry that was made invalid is made valid again only after the CPUs were flushed.',
  ghosts: [mappings],
  concerns: (world: World) => mappingsOf(world).order.restorations > 0,
  judgeStep(world: World, _, violated) {
    for (const evidence of mappingsOf(world).order.directMapRestoredBeforeFlush) violated(evidence);
  },
});
