import { describeText } from '../model/kernel/text-address.ts';
import { aboutHandedOutText } from './about-handed-out-text.ts';

export const textIsAligned = aboutHandedOutText({
  name: 'text-is-aligned',
  law: 'Slices of packs begin at multiples of 64, and packs and areas at multiples of 4096.',
  judge(_, { owner: { address }, inNewBlock }, violated) {
    const align = inNewBlock ? 4096 : 64;
    if (address % align !== 0) violated(`${describeText(address)} is no multiple of ${align}`);
  },
});
