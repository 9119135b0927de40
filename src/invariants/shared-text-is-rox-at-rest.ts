import { invariant } from '../language/invariant.ts';
import type { ModuleText } from '../model/kernel/module-loader.ts';
import { describeText, pageOfText, type TextAddress, textAddress } from '../model/kernel/text-address.ts';
import { pagesAtLevel } from '../model/machine/page-table.ts';
import { describeFlags } from '../model/machine/page-table-entry.ts';
import type { World } from '../model/world.ts';
import { mappings, mappingsOf } from './ghosts/mappings.ts';
import { sharedTextAccount } from './ghosts/shared-text-account.ts';
import type { Mapping } from './ghosts/table-mirror.ts';
import type { TextBlock } from './ghosts/text-blocks.ts';

/**
 * Outside the window in which its owner writes it, and but for ranges whose free is still to come. The direct map says read-only
 * and never executable; in the first form of the cache (6.13-rc) it says nothing, so that nobody could read text through it.
 * Judged are the pages whose entries changed, there or in the direct map, one for each entry.
 */
export const sharedTextIsRoxAtRest = invariant<World>({
  name: 'shared-text-is-rox-at-rest',
  law: 'Shared text is mapped read-only and executable where it runs, and in the direct map as its kernel has it: read-only, or not at all.',
  ghosts: [mappings, sharedTextAccount],
  concerns: (world) => mappingsOf(world).changed.length + mappingsOf(world).gone.length > 0,
  judgeStep(world, _, violated) {
    const { machine, directMap, sharing } = world;
    const { profile } = sharing;
    const due = profile.kind === 'core' && profile.directMap === 'absent' ? 'absent' : 'r--';
    for (const { block, index } of changedPages(world)) {
      const address = block.address + index * 4096;
      if (isRestless(world, address)) continue;
      const there = machine.kernelTables.leaf(pageOfText(address));
      const shown = there === undefined ? 'absent' : describeFlags(there.flags);
      if (shown !== 'r-x') violated(`${describeText(address)} is ${shown}`);
      const alias = machine.kernelTables.leaf(directMap.pageOf(block.frames[index]!));
      const shownThere = alias === undefined ? 'absent' : describeFlags(alias.flags);
      if (shownThere !== due) violated(`the direct map of ${describeText(address)} is ${shownThere}, not ${due}`);
    }
  },
});

/** The first page of shared text behind each entry that came, changed or went. */
function* changedPages(world: World): Generator<{ readonly block: TextBlock; readonly index: number }> {
  const { changed, gone } = mappingsOf(world);
  const { items: blocks } = sharedTextAccount.of(world).blocks;
  for (const mapping of [...changed, ...gone]) {
    for (const block of blocks) {
      const index = world.directMap.has(mapping.page) ? pageOfAlias(block, mapping) : pageThere(block, mapping);
      if (index !== undefined) yield { block, index };
    }
  }
}

function pageThere(block: TextBlock, { page, level }: Mapping): number | undefined {
  const start = textAddress(page);
  if (start >= block.end || textAddress(page + pagesAtLevel(level)) <= block.address) return undefined;
  return Math.max(0, (start - block.address) / 4096);
}

function pageOfAlias(block: TextBlock, { frame, level }: Mapping): number | undefined {
  if (level === 1) return block.pageOfFrame.get(frame);
  if (level === 2) return block.pageOf2M.get(frame >>> 9);
  for (const [piece, index] of block.pageOf2M) {
    if (piece >= frame >>> 9 && piece < (frame + pagesAtLevel(level)) >>> 9) return index;
  }
  return undefined;
}

/** Whether the text is being written by its owner, or waits for its free. */
function isRestless(world: World, address: TextAddress): boolean {
  if (world.sharing.shared.busy.at(address)?.pending === true) return true;
  const held = sharedTextAccount.of(world).held.at(address);
  return held?.owner.kind === 'module' && (held.owner.object as ModuleText).rights !== 'rox';
}
