import type { Domain, Happened } from '../../language/invariant.ts';
import type { World } from '../../model/world.ts';
import { mappingsOf } from '../ghosts/mappings.ts';
import type { Mapping } from '../ghosts/table-mirror.ts';

/** Present entries that map memory, in every page table. A law over it needs the ghost `mappings`. */
export const leaves: Domain<World, Mapping> = {
  name: 'leaves',
  all: (world) => mappingsOf(world).leaves(),
  changed: (world, happened) => (endsBoot(happened) ? mappingsOf(world).leaves() : mappingsOf(world).changed),
};

/** A step of the end of boot puts everything in question: what was allowed until then may be allowed no more. */
export const endsBoot = ({ operation }: Happened): boolean => operation.name === 'mark_rodata_ro';
