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
    const { holders } = ledgerOf(world);
    const [kernel, user, calls] = [holders.kernel(frame), holders.users(frame), holders.calls(frame)];
    const count = world.references.count(frame);
    if (count !== kernel + user + calls && !isScratch(world, frame)) {
      violated(
        `frame ${frame} has ${count} references; ${kernel} kernel and ${user} user entries and ${calls} calls hold it`,
      );
    }
    const { use } = world.machine.memory.frame(frame);
    const fits = use === 'arena' || (use === 'anonymous' && kernel === 0);
    if (!fits && kernel + user + calls > 0) violated(`frame ${frame} is mapped and in use as ${use}`);
  },
});

/** The scratch page has one reference, wherever it stands in for a page. */
const isScratch = ({ arenas }: ArenaWorld, frame: number): boolean =>
  arenas.live.some(({ arena }) => arena.scratch === frame);
