import { invariant } from '../../language/invariant.ts';
import type { ArenaWorld } from '../../model/arena-world.ts';
import { heldFrames } from '../domains/arena.ts';
import { arenaLedger, ledgerOf } from '../ghosts/arena-ledger.ts';

/** Facts I8 and I9: too few references free a page in use, too many leak it. */
export const referencesCountTheHolders = invariant<ArenaWorld, number>({
  name: 'references-count-the-holders',
  law: 'A page has one reference for each entry that maps it and each call under way that holds it, and is free without.',
  ghosts: [arenaLedger],
  over: heldFrames,
  judge(world, frame, violated) {
    if (world.arenas.live.some(({ arena }) => arena.scratch === frame)) return;
    const { kernel, user, underWay } = ledgerOf(world).holders(frame);
    const count = world.references.count(frame);
    if (count !== kernel + user + underWay) {
      violated(
        `frame ${frame} has ${count} references; ${kernel} kernel and ${user} user entries and ${underWay} calls hold it`,
      );
    }
    const { use } = world.machine.memory.frame(frame);
    if (kernel + user + underWay > 0 && use !== 'arena') violated(`frame ${frame} is mapped and in use as ${use}`);
  },
});
