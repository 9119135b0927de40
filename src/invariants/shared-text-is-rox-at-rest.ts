import { invariant } from '../language/invariant.ts';
import type { ModuleText } from '../model/kernel/module-loader.ts';
import { extentOf } from '../model/kernel/shared-text.ts';
import { describeText, pageOfText, textAddress } from '../model/kernel/text-address.ts';
import { Frame } from '../model/machine/frame.ts';
import { pagesAtLevel } from '../model/machine/page-table.ts';
import { describeFlags } from '../model/machine/page-table-entry.ts';
import type { World } from '../model/world.ts';
import { sharedTextAccount } from './ghosts/shared-text-account.ts';

/**
 * Outside the window in which its owner writes it, and but for ranges whose free is still to come. The direct map says read-only
 * and never executable; in the first form of the cache (6.13-rc) it says nothing, so that nobody could read text through it.
 */
export const sharedTextIsRoxAtRest = invariant<World>({
  name: 'shared-text-is-rox-at-rest',
  law: 'Shared text is mapped read-only and executable where it runs, and in the direct map as its kernel has it: read-only, or not at all.',
  ghosts: [sharedTextAccount],
  concerns: (_, { changes }) => changes.of(Frame).length > 0,
  judgeStep(world, _, violated) {
    const { machine, directMap, sharing } = world;
    const { profile, shared } = sharing;
    const due = profile.kind === 'core' && profile.directMap === 'absent' ? 'absent' : 'r--';
    for (const area of shared.blocks.items) {
      const { end } = extentOf(area);
      for (let address = extentOf(area).start; address < end; ) {
        const skipped = restlessUntil(world, address);
        if (skipped !== undefined) {
          address = skipped;
          continue;
        }
        const page = pageOfText(address);
        const leaf = machine.kernelTables.leaf(page);
        const shown = leaf === undefined ? 'absent' : describeFlags(leaf.flags);
        if (shown !== 'r-x') violated(`${describeText(address)} is ${shown}`);
        const frame = area.frames[page - area.firstPage]!;
        const alias = machine.kernelTables.leaf(directMap.pageOf(frame));
        const shownThere = alias === undefined ? 'absent' : describeFlags(alias.flags);
        if (shownThere !== due) violated(`the direct map of ${describeText(address)} is ${shownThere}, not ${due}`);
        if (shown !== 'r-x' || shownThere !== due) return;
        address = textAddress(page + Math.min(span(leaf, page), span(alias, directMap.pageOf(frame))));
      }
    }
  },
});

/** Pages from here to the end of the leaf, or one where nothing is mapped. */
function span(leaf: { readonly firstPage: number; readonly level: number } | undefined, page: number): number {
  return leaf === undefined ? 1 : leaf.firstPage + pagesAtLevel(leaf.level) - page;
}

/** Where text at the address that is being written, or waits for its free, ends; undefined for text at rest. */
function restlessUntil(world: World, address: number): number | undefined {
  const waiting = world.sharing.shared.busy.at(address);
  if (waiting?.pending === true) return waiting.end;
  const held = sharedTextAccount.of(world).held.at(address);
  if (held?.owner.kind !== 'module' || (held.owner.object as ModuleText).rights === 'rox') return undefined;
  return held.end;
}
