import { invariant } from '../language/invariant.ts';
import { describeText } from '../model/kernel/text-address.ts';
import type { World } from '../model/world.ts';
import { dispatcherTable } from './ghosts/dispatcher-table.ts';
import { textOwners } from './ghosts/text-owners.ts';

/** The order of kernel/bpf/core.c:bpf_prog_pack_alloc(): packs by age, chunks by address. */
export const textIsPlacedFirstFit = invariant<World>({
  name: 'text-is-placed-first-fit',
  law: 'A request gets the lowest run of free chunks that fits, in the oldest pack that has one.',
  ghosts: [dispatcherTable, textOwners],
  concerns(world) {
    const { claimed } = textOwners.of(world).last;
    return claimed !== undefined && claimed.kind !== 'pages' && claimed.size <= textOwners.of(world).packBytes;
  },
  judgeStep(world, _, violated) {
    const { claimed, firstFit } = textOwners.of(world).last;
    if (claimed === undefined || firstFit === undefined || claimed.address === firstFit) return;
    violated(`${claimed.size} bytes went to ${describeText(claimed.address)}, but fit at ${describeText(firstFit)}`);
  },
});
