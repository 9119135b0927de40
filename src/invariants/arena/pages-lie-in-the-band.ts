import { invariant } from '../../language/invariant.ts';
import type { ArenaWorld } from '../../model/arena-world.ts';
import type { Arena } from '../../model/bpf/arena.ts';
import { changedWindows } from '../domains/arena.ts';
import { arenaLedger } from '../ghosts/arena-ledger.ts';

/** Facts I16. Guards are what keeps an access with an offset from reaching another object of the kernel. */
export const pagesLieInTheBand = invariant<ArenaWorld, Arena>({
  name: 'pages-lie-in-the-band',
  law: 'The guards of a kernel window hold no page: pages lie in the 4 GiB between them.',
  ghosts: [arenaLedger],
  over: changedWindows,
  judge(world, arena, violated) {
    const { kernelTables } = world.machine;
    for (const edge of [-8, 2 ** 20]) {
      for (let index = edge; index < edge + 8; index++) {
        const found = kernelTables.translate(arena.window.first + index);
        if (found !== undefined) violated(`the guard page ${index} of a window maps frame ${found.frame}`);
      }
    }
  },
});
