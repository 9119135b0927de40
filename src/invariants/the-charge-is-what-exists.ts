import { invariant } from '../language/invariant.ts';
import type { World } from '../model/world.ts';
import { dispatcherTable } from './ghosts/dispatcher-table.ts';
import { textOwners } from './ghosts/text-owners.ts';

/** Every failing path gives its charge back; the slack of packs and the dispatcher's image are nobody's cost. */
export const theChargeIsWhatExists = invariant<World>({
  name: 'the-charge-is-what-exists',
  law: 'bpf_jit_current is the sum of what the existing programs, trampolines and struct_ops pages were charged.',
  ghosts: [dispatcherTable, textOwners],
  judge(world, violated) {
    const { current } = world.text.limit;
    const { charge } = textOwners.of(world).account;
    if (current !== charge) violated(`charged is ${current}, what exists costs ${charge}`);
  },
});
