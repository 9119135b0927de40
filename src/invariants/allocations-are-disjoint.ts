import { invariant } from '../language/invariant.ts';
import { describeText } from '../model/kernel/text-address.ts';
import type { World } from '../model/world.ts';
import { dispatcherTable } from './ghosts/dispatcher-table.ts';
import { textOwners } from './ghosts/text-owners.ts';

export const allocationsAreDisjoint = invariant<World>({
  name: 'allocations-are-disjoint',
  law: 'Text that is handed out was held by nobody.',
  ghosts: [dispatcherTable, textOwners],
  concerns: (world) => textOwners.of(world).last.claimed !== undefined,
  judgeStep(world, _, violated) {
    const { claimed, heldBy } = textOwners.of(world).last;
    if (claimed === undefined || heldBy === undefined) return;
    violated(
      `${claimed.size} bytes at ${describeText(claimed.address)} overlap a ${heldBy.kind} of ${heldBy.size} bytes at ` +
        describeText(heldBy.address),
    );
  },
});
