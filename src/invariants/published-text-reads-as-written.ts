import { invariant } from '../language/invariant.ts';
import { describeText, pageOfText } from '../model/kernel/text-address.ts';
import type { World } from '../model/world.ts';
import { type SelftestRecord, selftestTexts } from './ghosts/selftest-texts.ts';

/** Judged for every published text after every step: what a neighbour's fill or free did to it shows at once. */
export const publishedTextReadsAsWritten = invariant<World>({
  name: 'published-text-reads-as-written',
  law: 'Every byte of published text that its user wrote is what was written last.',
  ghosts: [selftestTexts],
  judge(world, violated) {
    for (const record of selftestTexts.of(world).held.values()) {
      if (!record.published || record.written.length === 0) continue;
      const evidence = firstWrongByte(world, record);
      if (evidence !== undefined) violated(evidence);
    }
  },
});

function firstWrongByte({ access }: World, { address, size, written }: SelftestRecord): string | undefined {
  const found = access.peek(pageOfText(address), address & 4095, size);
  if (found === undefined) return `the text at ${describeText(address)} is not mapped`;
  const due = found.slice();
  for (const { at, length, code } of written) due.fill(code, at, at + length);
  if (Buffer.compare(found, due) === 0) return undefined;
  const at = found.findIndex((byte, index) => byte !== due[index]);
  return `the byte at ${describeText(address + at)} is 0x${found[at]!.toString(16)} and should be 0x${due[at]!.toString(16)}`;
}
