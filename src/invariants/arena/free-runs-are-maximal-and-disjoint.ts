import { invariant } from '../../language/invariant.ts';
import type { ArenaWorld } from '../../model/arena-world.ts';
import { freeRuns } from '../domains/arena.ts';
import type { TouchedRun } from '../ghosts/arena-book-changes.ts';
import { bySizeOf, freeRunsOf } from '../ghosts/arena-free-runs.ts';
import { arenaLedger } from '../ghosts/arena-ledger.ts';

/** Facts I1. A run next to another one would let a request fail that both together could serve. */
export const freeRunsAreMaximalAndDisjoint = invariant<ArenaWorld, TouchedRun>({
  name: 'free-runs-are-maximal-and-disjoint',
  law: 'Free runs of an arena are not empty, do not overlap or touch, and both indices hold the same runs.',
  ghosts: [arenaLedger],
  over: freeRuns,
  judge(_, { arena, run }, violated) {
    const runs = freeRunsOf(arena);
    if (run.last < run.first) violated(`the run [${run.first}, ${run.last}] is empty`);
    const next = runs.ceiling({ first: run.first + 1, last: 0, stamp: 0 });
    if (next !== undefined && next.first <= run.last + 1) {
      violated(`[${run.first}, ${run.last}] and [${next.first}, ${next.last}] touch or overlap`);
    }
    const sized = bySizeOf(arena);
    if (sized === undefined) return;
    if (sized.size !== runs.size) violated(`${runs.size} runs by address, ${sized.size} by size`);
    const found = sized.ceiling(run);
    if (found?.first !== run.first || found.last !== run.last) {
      violated(`[${run.first}, ${run.last}] is not where its size should be found`);
    }
  },
});
