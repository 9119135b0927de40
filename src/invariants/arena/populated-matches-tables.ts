import { invariant } from '../../language/invariant.ts';
import type { ArenaWorld } from '../../model/arena-world.ts';
import { arenaLedger, ledgerOf } from '../ghosts/arena-ledger.ts';

/** Facts I12: `memlock:` in fdinfo is this count since 89318afb1414. */
export const populatedMatchesTables = invariant<ArenaWorld>({
  name: 'populated-matches-tables',
  law: 'An arena counts as many pages as its kernel window maps.',
  ghosts: [arenaLedger],
  concerns: (world) => ledgerOf(world).entries.length > 0,
  judgeStep(world, _, violated) {
    const ledger = ledgerOf(world);
    for (const { arena } of world.arenas.live) {
      const { populated } = arena.window;
      const scratch = arena.scratch === undefined ? 0 : ledger.holders.kernel(arena.scratch);
      const mapped = ledger.mappedBy(arena) - scratch;
      if (mapped !== populated) violated(`${populated} pages are counted, ${mapped} are mapped`);
    }
  },
});
