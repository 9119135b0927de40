import { invariant } from '../../language/invariant.ts';
import type { ArenaWorld } from '../../model/arena-world.ts';
import { kernelEntries } from '../domains/arena.ts';
import { arenaLedger, type TouchedEntry } from '../ghosts/arena-ledger.ts';

/** Facts I16. Guards are what keeps an access with an offset from reaching another object of the kernel. */
export const pagesLieInTheBand = invariant<ArenaWorld, TouchedEntry>({
  name: 'pages-lie-in-the-band',
  law: 'The guards of a kernel window hold no page: pages lie in the 4 GiB between them.',
  ghosts: [arenaLedger],
  over: kernelEntries,
  judge(_, { index, frame }, violated) {
    if ((index < 0 || index >= 2 ** 20) && frame !== undefined) {
      violated(`the guard page ${index} of a window maps frame ${frame}`);
    }
  },
});
