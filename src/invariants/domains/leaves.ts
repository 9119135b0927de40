import type { Domain } from '../../language/invariant.ts';
import type { World } from '../../model/world.ts';
import { mappingsOf } from '../ghosts/mappings.ts';
import type { Mapping } from '../ghosts/table-mirror.ts';

/** Present entries that map memory, in every page table. A law over it needs the ghost `mappings`. */
export const leaves: Domain<World, Mapping> = {
  name: 'leaves',
  all: (world) => mappingsOf(world).leaves(),
  changed: (world) => mappingsOf(world).changed,
};
