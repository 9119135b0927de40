import { JournaledArray } from '../../base/journal.ts';
import type { Domain } from '../../language/invariant.ts';
import type { World } from '../../model/world.ts';
import { type Held, heldBy, mappingsOf, newlyHeld } from '../ghosts/mappings.ts';
import { endsBoot } from './leaves.ts';

/**
 * Translations that CPUs hold. A step that changed any mapping, or which areas rest unflushed, puts all of them in question;
 * another one only those that were cached in it. A law over it needs the ghost `mappings`.
 */
export const heldTranslations: Domain<World, Held> = {
  name: 'held translations',
  all: heldBy,
  changed(world, happened) {
    const { changed, gone } = mappingsOf(world);
    const remapped = changed.length > 0 || gone.length > 0 || endsBoot(happened);
    const all = remapped || happened.changes.of(JournaledArray).includes(world.vmapAreas.lazy);
    return all ? heldBy(world) : newlyHeld(world, happened);
  },
};
