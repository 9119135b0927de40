import { invariant } from '../language/invariant.ts';
import { describeText, pageOfText } from '../model/kernel/text-address.ts';
import type { World } from '../model/world.ts';
import { dispatcherTable } from './ghosts/dispatcher-table.ts';
import { textOwners } from './ghosts/text-owners.ts';

/** The first page of each block stands for all: memory is unmapped and given back as a whole. */
export const textMemoryOutlivesItsHolders = invariant<World>({
  name: 'text-memory-outlives-its-holders',
  law: 'Memory is given back only when nobody holds any text in it, and stays mapped to its frames until then.',
  ghosts: [dispatcherTable, textOwners],
  judge(world, violated) {
    const { machine, vmalloc, text } = world;
    for (const { address, kind, frames } of textOwners.of(world).blocks.items) {
      const page = pageOfText(address);
      if (vmalloc.areaAt(page)?.firstPage !== page) violated(`the area at ${describeText(address)} is gone, but held`);
      else if (machine.kernelTables.translate(page)?.frame !== frames[0]) {
        violated(`${describeText(address)} no longer maps the frame it was made with`);
      } else if (kind === 'pack' && text.packs.packs.items.every((pack) => pack.address !== address)) {
        violated(`the pack at ${describeText(address)} is held but not on the list`);
      }
    }
  },
});
