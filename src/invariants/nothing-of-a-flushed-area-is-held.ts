import { invariant } from '../language/invariant.ts';
import type { VmArea } from '../model/kernel/vmalloc.ts';
import type { World } from '../model/world.ts';
import { heldBy } from './domains/held-index.ts';
import { sayHeld } from './evidence.ts';

/** Judged right after the flush stage of a vfree() that is done stage by stage; by then others may use the addresses again. */
export const nothingOfAFlushedAreaIsHeld = invariant({
  name: 'nothing-of-a-flushed-area-is-held',
  law: "After the flush of a vfree() no CPU holds a translation of the area's pages, nor of its frames in the direct map.",
  concerns: (_: World, { operation }) => operation.name === 'vfree_flush',
  judgeStep(world: World, { taken }, violated) {
    const { area } = taken.freeing as { readonly area: VmArea };
    const frames = new Set(area.frames);
    for (const held of heldBy(world)) {
      const { firstPage, frame, level } = held.translation;
      const inArea = firstPage >= area.firstPage && firstPage < area.firstPage + area.pageCount;
      const inDirectMap = level === 1 && world.directMap.has(firstPage);
      if ((inArea || inDirectMap) && frames.has(frame)) violated(sayHeld(held));
    }
  },
});
