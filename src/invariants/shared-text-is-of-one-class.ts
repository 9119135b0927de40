import { invariant } from '../language/invariant.ts';
import { describeText, pageOfText, type TextAddress } from '../model/kernel/text-address.ts';
import type { World } from '../model/world.ts';

/**
 * text_poke() looks up the page behind vmalloc and module addresses in one way and behind the kernel's own text in another, and
 * text_poke_copy() refuses the latter. Asked at both ends of each range in use.
 */
export const sharedTextIsOfOneClass = invariant<World>({
  name: 'shared-text-is-of-one-class',
  law: 'Text in use is what is_vmalloc_or_module_addr() means, or the registered tail, and never core kernel text as well.',
  judge({ sharing: { shared }, layout: { modules }, textPoke }, violated) {
    const isModule = (address: TextAddress) => {
      const page = pageOfText(address);
      return page >= modules.first && page < modules.end;
    };
    const { tail } = shared;
    for (const { start, end } of shared.busy) {
      for (const address of [start, end - 1]) {
        const isTail = tail !== undefined && address >= tail.start && address < tail.end;
        const isCore = textPoke.isCoreText({ page: pageOfText(address), offset: 0 });
        const classes = [isModule(address), isTail, isCore].filter((is) => is).length;
        if (classes !== 1) violated(`${describeText(address)} is of ${classes} classes`);
      }
    }
  },
});
