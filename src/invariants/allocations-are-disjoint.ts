import { describeText } from '../model/kernel/text-address.ts';
import { aboutHandedOutText } from './about-handed-out-text.ts';

export const allocationsAreDisjoint = aboutHandedOutText({
  name: 'allocations-are-disjoint',
  law: 'Text that is handed out was held by nobody.',
  judge(_, { owner: { address, size }, heldBy }, violated) {
    if (heldBy === undefined) return;
    const victim = `a ${heldBy.kind} of ${heldBy.size} bytes at ${describeText(heldBy.address)}`;
    violated(`${size} bytes at ${describeText(address)} overlap ${victim}`);
  },
});
