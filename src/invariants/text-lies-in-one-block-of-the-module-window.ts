import { invariant } from '../language/invariant.ts';
import { describeText, pageOfText } from '../model/kernel/text-address.ts';
import type { World } from '../model/world.ts';
import { dispatcherTable } from './ghosts/dispatcher-table.ts';
import { textOwners } from './ghosts/text-owners.ts';

/** Within two gigabytes of the kernel, so that a 32-bit displacement reaches; never across the end of a pack. */
export const textLiesInOneBlock = invariant<World>({
  name: 'text-lies-in-one-block-of-the-module-window',
  law: 'Text lies wholly inside one pack or one area, and inside the module window.',
  ghosts: [dispatcherTable, textOwners],
  concerns: (world) => textOwners.of(world).last.claimed !== undefined,
  judgeStep(world, _, violated) {
    const account = textOwners.of(world);
    const { claimed } = account.last;
    if (claimed === undefined) return;
    const { address, size } = claimed;
    const block = account.blockAt(address);
    const { modules } = world.layout;
    if (pageOfText(address) < modules.first || pageOfText(address + size - 1) >= modules.end) {
      violated(`${size} bytes at ${describeText(address)} leave the module window`);
    }
    if (block === undefined || address + size > block.end) {
      violated(`${size} bytes at ${describeText(address)} reach past the end of their memory`);
    }
  },
});
