import { invariant } from '../../language/invariant.ts';
import type { ArenaWorld } from '../../model/arena-world.ts';
import { ArenaWindow } from '../../model/bpf/arena-window.ts';

/** Facts I12: `memlock:` in fdinfo is this count since 89318afb1414. Counted where an arena is small enough. */
export const populatedMatchesTables = invariant<ArenaWorld>({
  name: 'populated-matches-tables',
  law: 'An arena counts as many pages as its kernel window maps.',
  concerns: ({ arenas }, { changes }) =>
    changes.of(ArenaWindow).length > 0 && arenas.live.some(({ arena }) => arena.window.populated <= FEW),
  judgeStep({ arenas, machine }, { changes }, violated) {
    const changed = changes.of(ArenaWindow);
    for (const { arena } of arenas.live) {
      const { populated, first } = arena.window;
      if (populated > FEW || !changed.includes(arena.window)) continue;
      let mapped = 0;
      machine.kernelTables.eachLowestTable(first - GUARD, first + 2 ** 20 + GUARD, (table, firstPage) => {
        for (let at = 0; at < 512; at++) {
          const inside = firstPage + at >= first - GUARD && firstPage + at < first + 2 ** 20 + GUARD;
          if (inside && table.word(2 * at) !== 0) mapped++;
        }
      });
      if (mapped !== populated) violated(`${populated} pages are counted, ${mapped} are mapped`);
    }
  },
});

const FEW = 32;
/** Pages of half a guard. */
const GUARD = 8;
