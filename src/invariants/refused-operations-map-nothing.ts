import { invariant } from '../language/invariant.ts';
import { Refusal } from '../language/operation.ts';
import { Frame, type FrameUse } from '../model/machine/frame.ts';
import type { World } from '../model/world.ts';
import { sayMapping } from './evidence.ts';
import { mappings, mappingsOf } from './ghosts/mappings.ts';

/**
 * Page tables made on the way may stay, and so may a prefix of changed attributes: set_memory_*() rolls nothing back, and its
 * caller can ask again. Splits change how a page is mapped, not what it maps.
 */
export const refusedOperationsMapNothing = invariant({
  name: 'refused-operations-map-nothing',
  law: 'An operation that fails leaves every frame with its owner, and every address with its frame.',
  ghosts: [mappings],
  concerns: (_: World, { returned }) => returned instanceof Refusal,
  judgeStep(world: World, { changes }, violated) {
    const owners = new Map<Frame, FrameUse>();
    if (changes.of(Frame).length > 0) {
      changes.each((owner, key, old) => {
        if (key === 'use' && owner instanceof Frame && !owners.has(owner)) owners.set(owner, old as FrameUse);
      });
    }
    for (const [frame, before] of owners) {
      const toTable = frame.use === 'page-table' || before === 'page-table';
      if (frame.use !== before && !toTable) violated(`frame ${frame.number} was ${before} and is ${frame.use}`);
    }
    const index = mappingsOf(world);
    for (const mapping of index.changed) {
      const wasThere = index.gone.some(
        ({ page, frame, space }) => space === mapping.space && page - frame === mapping.page - mapping.frame,
      );
      if (!wasThere) violated(`${sayMapping(mapping)} is new`);
    }
  },
});
