import { invariant } from '../language/invariant.ts';
import { describeText, pageOfText } from '../model/kernel/text-address.ts';
import { describeFlags, isExecutable, isWritable } from '../model/machine/page-table-entry.ts';
import type { World } from '../model/world.ts';
import { dispatcherTable } from './ghosts/dispatcher-table.ts';
import { textOwners } from './ghosts/text-owners.ts';

/** Whoever finds a pack on the list pokes into it and runs what is there: nothing of its making may still be to come. */
export const packsAreFinishedWhenListed = invariant<World>({
  name: 'packs-are-finished-when-listed',
  law: 'Memory that text is handed out from is read-only and executable throughout.',
  ghosts: [dispatcherTable, textOwners],
  concerns: (world) => {
    const { inNewBlock, claimed } = textOwners.of(world).last;
    return inNewBlock && claimed?.kind !== 'pages';
  },
  judgeStep(world, _, violated) {
    const { kernelTables } = world.machine;
    const { address } = textOwners.of(world).last.claimed!;
    const block = textOwners.of(world).blockAt(address)!;
    const firstPage = pageOfText(block.address);
    for (let page = firstPage; page < firstPage + block.pageCount; ) {
      const leaf = kernelTables.leaf(page);
      if (leaf === undefined || isWritable(leaf.flags) || !isExecutable(leaf.flags)) {
        const shown = leaf === undefined ? 'absent' : describeFlags(leaf.flags);
        violated(`page ${page - firstPage} of the memory at ${describeText(block.address)} is ${shown}`);
        return;
      }
      page = leaf.firstPage + 512 ** (leaf.level - 1);
    }
  },
});
