import { invariant } from '../../language/invariant.ts';
import type { ArenaWorld } from '../../model/arena-world.ts';
import { freeRuns } from '../domains/arena.ts';
import type { TouchedRun } from '../ghosts/arena-book-changes.ts';
import { bySizeOf } from '../ghosts/arena-free-runs.ts';
import { arenaLedger } from '../ghosts/arena-ledger.ts';

/** Facts I5. A mapping of another length than max_entries moves the end for user space and is left out (facts L2). */
export const freeSlotsLieInsideTheArena = invariant<ArenaWorld, TouchedRun>({
  name: 'free-slots-lie-inside-the-arena',
  law: 'No slot beyond max_entries is free.',
  ghosts: [arenaLedger],
  over: freeRuns,
  judge(_, { arena, run }, violated) {
    const { maxEntries } = arena.attributes;
    if (bySizeOf(arena) === undefined || (arena.userEnd !== 0n && arena.userPages !== maxEntries)) return;
    if (run.last >= maxEntries) violated(`[${run.first}, ${run.last}] is free in an arena of ${maxEntries} slots`);
  },
});
