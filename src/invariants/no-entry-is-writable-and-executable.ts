import { invariant } from '../language/invariant.ts';
import { isExecutable, isWritable } from '../model/machine/page-table-entry.ts';
import type { World } from '../model/world.ts';
import { leaves } from './domains/leaves.ts';
import { sayMapping } from './evidence.ts';
import { mappings, mappingsOf } from './ghosts/mappings.ts';
import type { Mapping } from './ghosts/table-mirror.ts';

/** Until the end of boot the kernel image is both, by design. */
export const isBootText = (world: World, mapping: Mapping): boolean =>
  !world.markRodataRo.isSealed && mappingsOf(world).aliasOf(mapping) === 'image';

export const noEntryIsWritableAndExecutable = invariant({
  name: 'no-entry-is-writable-and-executable',
  law: 'No page-table entry lets memory be both written and executed, once boot has sealed the kernel image.',
  over: leaves,
  ghosts: [mappings],
  judge(world: World, mapping: Mapping, violated) {
    if (!isWritable(mapping.flags) || !isExecutable(mapping.flags) || isBootText(world, mapping)) return;
    violated(`${sayMapping(mapping)} is writable and executable`);
  },
});
