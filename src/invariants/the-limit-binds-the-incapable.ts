import { invariant } from '../language/invariant.ts';
import type { World } from '../model/world.ts';
import { dispatcherTable } from './ghosts/dispatcher-table.ts';
import { textOwners } from './ghosts/text-owners.ts';

export const theLimitBindsTheIncapable = invariant<World>({
  name: 'the-limit-binds-the-incapable',
  law: 'A caller without capability gets no text that leaves more charged than the limit allows.',
  ghosts: [dispatcherTable, textOwners],
  concerns: (world, { taken }) => taken.capable === false && textOwners.of(world).claims.length > 0,
  judgeStep(world, _, violated) {
    const { limit, unit } = world.text.limit;
    const charge = textOwners.of(world).account.charge;
    if (charge * unit > limit) violated(`${charge * unit} bytes exist, the limit is ${limit}`);
  },
});
