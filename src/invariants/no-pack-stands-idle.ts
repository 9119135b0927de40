import { invariant } from '../language/invariant.ts';
import { describeText } from '../model/kernel/text-address.ts';
import type { World } from '../model/world.ts';

export const noPackStandsIdle = invariant<World>({
  name: 'no-pack-stands-idle',
  law: 'Every pack on the list has a chunk in use.',
  judge({ text }, violated) {
    for (const { address, chunks } of text.packs.packs.items) {
      if (chunks.nextSet(0) === chunks.length) violated(`the pack at ${describeText(address)} is empty`);
    }
  },
});
