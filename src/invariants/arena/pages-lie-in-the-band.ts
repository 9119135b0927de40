import { invariant } from '../../language/invariant.ts';
import type { ArenaWorld } from '../../model/arena-world.ts';
import { kernelEntries } from '../domains/arena.ts';
import { arenaLedger, type TouchedEntry } from '../ghosts/arena-ledger.ts';

/**
 * Facts I16. Guards are what keeps an access with an offset from reaching another object of the kernel. The scratch page may
 * stand in the upper one.
 */
export const pagesLieInTheBand = invariant<ArenaWorld, TouchedEntry>({
  name: 'pages-lie-in-the-band',
  law: 'The guards of a kernel window hold no page: pages lie in the 4 GiB between them.',
  ghosts: [arenaLedger],
  over: kernelEntries,
  judge(_, { arena, index, frame }, violated) {
    const outside = index < 0 || index >= 2 ** 20;
    if (outside && frame !== undefined && (index < 0 || frame !== arena.scratch)) {
      violated(`the guard page ${index} of a window maps frame ${frame}`);
    }
  },
});
