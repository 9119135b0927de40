import { invariant } from '../language/invariant.ts';
import { isExecutable } from '../model/machine/page-table-entry.ts';
import type { World } from '../model/world.ts';
import { leaves } from './domains/leaves.ts';
import { sayMapping } from './evidence.ts';
import { mappings, mappingsOf } from './ghosts/mappings.ts';
import type { Mapping } from './ghosts/table-mirror.ts';

export const directMapIsNeverExecutable = invariant({
  name: 'direct-map-is-never-executable',
  law: 'No entry of the direct map can be executed, whatever its frame holds.',
  over: leaves,
  ghosts: [mappings],
  judge(world: World, mapping: Mapping, violated) {
    if (isExecutable(mapping.flags) && mappingsOf(world).aliasOf(mapping) === 'direct-map') {
      violated(`${sayMapping(mapping)} of the direct map is executable`);
    }
  },
});
