import { invariant } from '../language/invariant.ts';
import { describeText } from '../model/kernel/text-address.ts';
import type { World } from '../model/world.ts';
import { dispatcherTable } from './ghosts/dispatcher-table.ts';
import { handedOutText } from './ghosts/text-content.ts';
import { textOwners } from './ghosts/text-owners.ts';

export const textIsAligned = invariant({
  name: 'text-is-aligned',
  law: 'Slices of packs begin at multiples of 64, and packs and areas at multiples of 4096.',
  ghosts: [dispatcherTable, textOwners],
  over: handedOutText,
  judge(_: World, { owner: { address }, inNewBlock }, violated) {
    const align = inNewBlock ? 4096 : 64;
    if (address % align !== 0) violated(`${describeText(address)} is no multiple of ${align}`);
  },
});
