import { describeText, pageOfText } from '../model/kernel/text-address.ts';
import { aboutHandedOutText } from './about-handed-out-text.ts';

/** Within two gigabytes of the kernel, so that a 32-bit displacement reaches; never across the end of a pack. */
export const textLiesInOneBlock = aboutHandedOutText({
  name: 'text-lies-in-one-block-of-the-module-window',
  law: 'Text lies wholly inside one pack or one area, and inside the module window.',
  judge({ layout: { modules } }, { owner: { address, size }, block }, violated) {
    const text = `${size} bytes at ${describeText(address)}`;
    if (pageOfText(address) < modules.first || pageOfText(address + size - 1) >= modules.end) {
      violated(`${text} leave the module window`);
    }
    if (address + size > block.end) violated(`${text} reach past the end of their memory`);
  },
});
