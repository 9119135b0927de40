import { hex } from '../../base/word.ts';
import { invariant } from '../../language/invariant.ts';
import { isWritable } from '../../model/machine/page-table-entry.ts';
import type { WholeWorld } from '../../model/whole-world.ts';
import { sayMapping } from '../evidence.ts';
import { mappings, mappingsOf } from '../ghosts/mappings.ts';
import { isRun } from './runs.ts';

/** Page tables and what CPUs still hold of them both count: a stale translation writes as well as a fresh one. */
export const noInstructionIsFetchedFromWritableMemory = invariant<WholeWorld>({
  name: 'no-instruction-is-fetched-from-writable-memory',
  law: 'No frame from which a run fetched instructions is writable through any alias, in page tables or in a CPU.',
  ghosts: [mappings],
  concerns: (_, happened) => isRun(happened),
  judgeStep(world, _, violated) {
    const frames = new Set(world.lastRun!.fetched.values());
    for (const frame of frames) {
      for (const mapping of mappingsOf(world).sharing({ frame, level: 1 })) {
        if (isWritable(mapping.flags))
          violated(`frame ${frame} was executed and is writable through ${sayMapping(mapping)}`);
      }
    }
    for (const { number, mmu } of world.machine.cpus) {
      mmu.tlb.eachTranslation(({ firstPage, frame, level, flags }) => {
        const pages = 512 ** (level - 1);
        if (!isWritable(flags)) return;
        for (const executed of frames) {
          if (executed < frame || executed >= frame + pages) continue;
          violated(`CPU ${number} may write to frame ${executed}, which was executed, at page ${hex(firstPage)}`);
        }
      });
    }
  },
});
