import { invariant } from '../language/invariant.ts';
import { describeText } from '../model/kernel/text-address.ts';
import type { World } from '../model/world.ts';
import { selftestTexts } from './ghosts/selftest-texts.ts';

export const textsShareNoByte = invariant<World>({
  name: 'texts-share-no-byte',
  law: 'No two texts that are held at once have a byte in common, whoever asked for them.',
  ghosts: [selftestTexts],
  judge(world, violated) {
    const held = [...selftestTexts.of(world).held.values()].sort((left, right) => left.address - right.address);
    held.forEach(({ address }, index) => {
      const before = held[index - 1];
      if (before !== undefined && before.address + before.size > address) {
        violated(`the text at ${describeText(before.address)} reaches into the one at ${describeText(address)}`);
      }
    });
  },
});
