import { invariant } from '../language/invariant.ts';
import { describeText, textAddress } from '../model/kernel/text-address.ts';
import type { World } from '../model/world.ts';
import { sharedTextAccount } from './ghosts/shared-text-account.ts';

export const sharedTextIsBackedByLiveAreas = invariant<World>({
  name: 'shared-text-is-backed-by-live-areas',
  law: 'The memory behind a shared allocator is listed once and exists, and text that somebody holds always has memory behind it.',
  ghosts: [sharedTextAccount],
  judge(world, violated) {
    const { vmalloc, sharing } = world;
    const seen = new Set<number>();
    for (const area of sharing.shared.blocks.items) {
      const at = describeText(textAddress(area.firstPage));
      if (vmalloc.areaAt(area.firstPage) !== area) violated(`the block at ${at} is listed, but its memory is gone`);
      if (seen.has(area.firstPage)) violated(`the block at ${at} is listed twice`);
      seen.add(area.firstPage);
    }
    const account = sharedTextAccount.of(world);
    for (const { start, end, owner } of account.held) {
      if (account.blockAt(start) !== undefined && account.blockAt(end - 1) !== undefined) continue;
      violated(`the memory of a ${owner.kind} of ${owner.size} bytes at ${describeText(start)} is gone`);
    }
  },
});
