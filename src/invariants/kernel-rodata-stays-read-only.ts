import { invariant } from '../language/invariant.ts';
import { pagesAtLevel } from '../model/machine/page-table.ts';
import { isExecutable, isWritable } from '../model/machine/page-table-entry.ts';
import type { World } from '../model/world.ts';
import { leaves } from './domains/leaves.ts';
import { sayMapping } from './evidence.ts';
import { mappings } from './ghosts/mappings.ts';
import type { Mapping } from './ghosts/table-mirror.ts';

export const kernelRodataStaysReadOnly = invariant({
  name: 'kernel-rodata-stays-read-only',
  law: 'Once boot has sealed the kernel image, no mapping lets its rodata be written, and its text stays executable.',
  over: leaves,
  ghosts: [mappings],
  judge({ image, markRodataRo }: World, mapping: Mapping, violated) {
    if (!markRodataRo.isSealed) return;
    const end = mapping.frame + pagesAtLevel(mapping.level);
    const { rodata, text } = image;
    if (
      isWritable(mapping.flags) &&
      mapping.frame < image.frameOfPage(rodata.end) &&
      end > image.frameOfPage(rodata.first)
    ) {
      violated(`${sayMapping(mapping)} lets rodata be written`);
    }
    if (mapping.page >= text.first && mapping.page < text.end && !isExecutable(mapping.flags)) {
      violated(`${sayMapping(mapping)} of the kernel's text is not executable`);
    }
  },
});
