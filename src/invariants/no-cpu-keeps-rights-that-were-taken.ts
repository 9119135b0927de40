import { invariant } from '../language/invariant.ts';
import { pagesAtLevel } from '../model/machine/page-table.ts';
import { isExecutable, isWritable } from '../model/machine/page-table-entry.ts';
import type { CachedTranslation } from '../model/machine/tlb.ts';
import type { World } from '../model/world.ts';
import type { Held } from './domains/held-index.ts';
import { heldTranslations } from './domains/held-translations.ts';
import { sayHeld, sayMapping, sayPage } from './evidence.ts';
import { mappings, mappingsOf } from './ghosts/mappings.ts';

/**
 * What mm/vmalloc.c leaves behind on purpose is allowed: translations of lazily freed areas, and those of direct-map entries
 * that a vfree() under way has made invalid.
 */
export const noCpuKeepsRightsThatWereTaken = invariant({
  name: 'no-cpu-keeps-rights-that-were-taken',
  law: 'A CPU may write or execute through what it holds only what the tables still let it, but for areas that rest unflushed.',
  over: heldTranslations,
  ghosts: [mappings],
  judge(world: World, held: Held, violated) {
    const { translation } = held;
    const { firstPage, level, space } = translation;
    const end = firstPage + pagesAtLevel(level);
    for (let page = firstPage; page < end; ) {
      const now = mappingsOf(world).leafAt(page, space);
      if (now === undefined) {
        if (!restsUnflushed(world, translation, page)) violated(`${sayHeld(held)}, but ${sayPage(page)} is not mapped`);
      } else if (
        (isWritable(translation.flags) && !isWritable(now.flags)) ||
        (isExecutable(translation.flags) && !isExecutable(now.flags))
      ) {
        violated(`${sayHeld(held)}, but the tables have ${sayMapping(now)}`);
      }
      page = now === undefined ? page + 1 : now.page + pagesAtLevel(now.level);
    }
  },
});

/** A lazily freed area, or a direct-map entry taken out before the flush of a vfree(): its frame is still in use. */
function restsUnflushed(
  { vmapAreas, directMap, machine }: World,
  { firstPage, frame }: CachedTranslation,
  page: number,
) {
  if (directMap.has(page)) return machine.memory.frame(frame + (page - firstPage)).use !== 'free';
  return vmapAreas.lazy.items.some((area) => page >= area.firstPage && page < area.firstPage + area.pageCount);
}
