import { invariant } from '../language/invariant.ts';
import { describeText } from '../model/kernel/text-address.ts';
import type { World } from '../model/world.ts';
import { dispatcherTable } from './ghosts/dispatcher-table.ts';
import { handedOutText } from './ghosts/text-content.ts';
import { textOwners } from './ghosts/text-owners.ts';

export const allocationsAreDisjoint = invariant({
  name: 'allocations-are-disjoint',
  law: 'Text that is handed out was held by nobody.',
  ghosts: [dispatcherTable, textOwners],
  over: handedOutText,
  judge(_: World, { owner: { address, size }, heldBy }, violated) {
    if (heldBy === undefined) return;
    const victim = `a ${heldBy.kind} of ${heldBy.size} bytes at ${describeText(heldBy.address)}`;
    violated(`${size} bytes at ${describeText(address)} overlap ${victim}`);
  },
});
