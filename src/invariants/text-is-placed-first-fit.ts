import { invariant } from '../language/invariant.ts';
import { describeText } from '../model/kernel/text-address.ts';
import type { World } from '../model/world.ts';
import { dispatcherTable } from './ghosts/dispatcher-table.ts';
import { handedOutText } from './ghosts/text-content.ts';
import { textOwners } from './ghosts/text-owners.ts';

/** The order of kernel/bpf/core.c:bpf_prog_pack_alloc(): packs by age, chunks by address. */
export const textIsPlacedFirstFit = invariant({
  name: 'text-is-placed-first-fit',
  law: 'A request gets the lowest run of free chunks that fits, in the oldest pack that has one.',
  ghosts: [dispatcherTable, textOwners],
  over: handedOutText,
  judge(_: World, { owner: { address, size }, firstFit }, violated) {
    if (firstFit === undefined || address === firstFit) return;
    violated(`${size} bytes went to ${describeText(address)}, but fit at ${describeText(firstFit)}`);
  },
});
