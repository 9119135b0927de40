import { invariant } from '../language/invariant.ts';
import { describeText } from '../model/kernel/text-address.ts';
import type { World } from '../model/world.ts';
import { dispatcherTable } from './ghosts/dispatcher-table.ts';
import { textOwners } from './ghosts/text-owners.ts';

export const textIsAligned = invariant<World>({
  name: 'text-is-aligned',
  law: 'Slices of packs begin at multiples of 64, and packs and areas at multiples of 4096.',
  ghosts: [dispatcherTable, textOwners],
  concerns: (world) => textOwners.of(world).last.claimed !== undefined,
  judgeStep(world, _, violated) {
    const { claimed, inNewBlock } = textOwners.of(world).last;
    if (claimed === undefined) return;
    const { address } = claimed;
    const align = inNewBlock ? 4096 : 64;
    if (address % align !== 0) violated(`${describeText(address)} is no multiple of ${align}`);
  },
});
