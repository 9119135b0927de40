import { invariant } from '../../language/invariant.ts';
import type { ArenaWorld } from '../../model/arena-world.ts';
import { heldFrames } from '../domains/arena.ts';
import { arenaLedger, ledgerOf } from '../ghosts/arena-ledger.ts';

/** Facts I7. Only the scratch page stands in many places. */
export const aPageHasOneSlot = invariant<ArenaWorld, number>({
  name: 'a-page-has-one-slot',
  law: 'No two entries of kernel windows hold the same page.',
  ghosts: [arenaLedger],
  over: heldFrames,
  judge(world, frame, violated) {
    const kernel = ledgerOf(world).holders.kernel(frame);
    if (kernel > 1 && !world.arenas.live.some(({ arena }) => arena.scratch === frame)) {
      violated(`${kernel} kernel entries hold frame ${frame}`);
    }
  },
});
