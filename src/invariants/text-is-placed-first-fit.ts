import { describeText } from '../model/kernel/text-address.ts';
import { aboutHandedOutText } from './about-handed-out-text.ts';

/** The order of kernel/bpf/core.c:bpf_prog_pack_alloc(): packs by age, chunks by address. */
export const textIsPlacedFirstFit = aboutHandedOutText({
  name: 'text-is-placed-first-fit',
  law: 'A request gets the lowest run of free chunks that fits, in the oldest pack that has one.',
  judge(_, { owner: { address, size }, firstFit }, violated) {
    if (firstFit === undefined || address === firstFit) return;
    violated(`${size} bytes went to ${describeText(address)}, but fit at ${describeText(firstFit)}`);
  },
});
