import { invariant } from '../language/invariant.ts';
import { isExecutable, isPresent, isWritable } from '../model/machine/page-table-entry.ts';
import type { World } from '../model/world.ts';
import { type FreeFrame, freeFrames } from './domains/free-frames.ts';
import { sayHeld, sayMapping } from './evidence.ts';
import { mappings, mappingsOf } from './ghosts/mappings.ts';

/**
 * What a plain vfree() leaves is allowed: a lazily freed area's translations, as long as nothing can be executed. The gaps of the
 * kernel image stay mapped there when their frames are freed at the end of boot.
 */
export const freedFramesAreOrdinaryMemory = invariant({
  name: 'freed-frames-are-ordinary-memory',
  law: 'A frame that went back to the page allocator is present, writable and not executable in the direct map, and no CPU can execute it or holds other rights to it there.',
  over: freeFrames,
  ghosts: [mappings],
  judge(world: World, { frame, held }: FreeFrame, violated) {
    const index = mappingsOf(world);
    const direct = index.directLeaf(frame);
    if (direct === undefined || !isWritable(direct.flags) || isExecutable(direct.flags)) {
      violated(
        direct === undefined ? `frame ${frame} is not in the direct map` : `${sayMapping(direct)} is free memory`,
      );
    }
    for (const other of index.sharing({ frame, level: 1 })) {
      const alias = index.aliasOf(other);
      if (alias === 'vmalloc' || alias === 'user' || (alias === 'image' && isExecutable(other.flags))) {
        violated(`${sayMapping(other)} leads to a free frame`);
      }
    }
    for (const other of held) {
      const { firstPage, flags } = other.translation;
      const stale = world.directMap.has(firstPage) && isPresent(flags) && !isWritable(flags);
      if (isExecutable(flags) || stale) violated(`${sayHeld(other)} and frame ${frame} is free`);
    }
  },
});
