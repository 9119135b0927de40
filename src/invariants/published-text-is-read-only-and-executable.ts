import { invariant } from '../language/invariant.ts';
import { describeText, pageOfText, textAddress } from '../model/kernel/text-address.ts';
import { isExecutable, isWritable } from '../model/machine/page-table-entry.ts';
import type { World } from '../model/world.ts';
import { selftestTexts } from './ghosts/selftest-texts.ts';

export const publishedTextIsReadOnlyAndExecutable = invariant<World>({
  name: 'published-text-is-read-only-and-executable',
  law: 'Published text can be run and not written, and the direct map lets nobody write or run it either.',
  ghosts: [selftestTexts],
  judge(world, violated) {
    const { machine, directMap } = world;
    const { kernelTables } = machine;
    for (const { address, size, published } of selftestTexts.of(world).held.values()) {
      if (!published) continue;
      for (let page = pageOfText(address); page <= pageOfText(address + size - 1); page++) {
        const there = kernelTables.translate(page);
        const at = describeText(textAddress(page));
        if (there === undefined || !isExecutable(there.flags)) violated(`the text at ${at} cannot be run`);
        else if (isWritable(there.flags)) violated(`the text at ${at} can be written`);
        const alias = there && kernelTables.translate(directMap.pageOf(there.frame));
        if (alias !== undefined && isWritable(alias.flags))
          violated(`the direct map lets the text at ${at} be written`);
        if (alias !== undefined && isExecutable(alias.flags)) violated(`the direct map lets the text at ${at} be run`);
      }
    }
  },
});
