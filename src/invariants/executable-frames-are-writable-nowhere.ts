import { invariant } from '../language/invariant.ts';
import { isExecutable, isWritable } from '../model/machine/page-table-entry.ts';
import type { World } from '../model/world.ts';
import { leaves } from './domains/leaves.ts';
import { sayMapping } from './evidence.ts';
import { mappings, mappingsOf } from './ghosts/mappings.ts';
import type { Mapping } from './ghosts/table-mirror.ts';

export const executableFramesAreWritableNowhere = invariant({
  name: 'executable-frames-are-writable-nowhere',
  law: 'A frame that one mapping lets be executed is writable through no other mapping, once boot has sealed the image.',
  over: leaves,
  ghosts: [mappings],
  judge(world: World, mapping: Mapping, violated) {
    const executable = isExecutable(mapping.flags);
    if ((!executable && !isWritable(mapping.flags)) || !world.markRodataRo.isSealed) return;
    for (const other of mappingsOf(world).sharing(mapping)) {
      const broken = executable ? isWritable(other.flags) : isExecutable(other.flags);
      if (!broken || (other.page === mapping.page && other.space === mapping.space)) continue;
      violated(`${sayMapping(mapping)} shares its frame with ${sayMapping(other)}`);
    }
  },
});
