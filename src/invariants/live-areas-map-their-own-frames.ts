import { invariant } from '../language/invariant.ts';
import type { World } from '../model/world.ts';
import { leaves } from './domains/leaves.ts';
import { sayMapping } from './evidence.ts';
import { mappings, mappingsOf } from './ghosts/mappings.ts';
import type { Mapping } from './ghosts/table-mirror.ts';

/** Address space that others map themselves (an arena's window) has no vm_struct with frames here. */
export const liveAreasMapTheirOwnFrames = invariant({
  name: 'live-areas-map-their-own-frames',
  law: "Each entry inside a live vmalloc area leads to that area's own frame.",
  over: leaves,
  ghosts: [mappings],
  judge(world: World, mapping: Mapping, violated) {
    if (mappingsOf(world).aliasOf(mapping) !== 'vmalloc') return;
    const area = world.vmalloc.areas.find(
      ({ firstPage, pageCount }) => mapping.page >= firstPage && mapping.page < firstPage + pageCount,
    );
    if (area === undefined) return;
    const own = area.frames[mapping.page - area.firstPage];
    if (own !== mapping.frame) violated(`${sayMapping(mapping)} should lead to frame ${own}`);
  },
});
