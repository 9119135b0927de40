import { invariant } from '../language/invariant.ts';
import { describeText, pageOfText, textAddress } from '../model/kernel/text-address.ts';
import type { World } from '../model/world.ts';
import { dispatcherTable } from './ghosts/dispatcher-table.ts';
import { textOwners } from './ghosts/text-owners.ts';

export const noExecutableMemoryIsLost = invariant<World>({
  name: 'no-executable-memory-is-lost',
  law: "Every area of the module window holds somebody's text, or is the dispatcher's writable page.",
  ghosts: [dispatcherTable, textOwners],
  judge(world, violated) {
    const { layout, vmalloc, text } = world;
    const { blocks } = textOwners.of(world);
    for (const { firstPage } of vmalloc.areas) {
      if (firstPage < layout.modules.first || firstPage >= layout.modules.end) continue;
      if (text.dispatcher.rwImage?.firstPage === firstPage) continue;
      if (blocks.items.some(({ address }) => pageOfText(address) === firstPage)) continue;
      violated(`the area at ${describeText(textAddress(firstPage))} is nobody's`);
    }
  },
});
