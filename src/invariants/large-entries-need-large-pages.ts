import { invariant } from '../language/invariant.ts';
import type { World } from '../model/world.ts';
import { leaves } from './domains/leaves.ts';
import { sayMapping } from './evidence.ts';
import { mappings } from './ghosts/mappings.ts';
import type { Mapping } from './ghosts/table-mirror.ts';

export const largeEntriesNeedLargePages = invariant({
  name: 'large-entries-need-large-pages',
  law: 'A 2 MiB entry exists only where the machine has large pages, a 1 GiB entry only where it may use these, and both are aligned.',
  over: leaves,
  ghosts: [mappings],
  judge({ configuration }: World, mapping: Mapping, violated) {
    const { level, frame } = mapping;
    if (level === 1) return;
    const allowed = level === 2 ? configuration.pse : configuration.gigabytePages;
    if (!allowed) violated(`${sayMapping(mapping)} on a machine without pages of that size`);
    if (frame % 512 ** (level - 1) !== 0) violated(`${sayMapping(mapping)} is not aligned`);
  },
});
