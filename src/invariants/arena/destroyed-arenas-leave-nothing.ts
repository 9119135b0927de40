import { invariant } from '../../language/invariant.ts';
import type { ArenaWorld } from '../../model/arena-world.ts';
import type { ArenaMapping } from '../../model/bpf/arena-user-side.ts';
import { arenaLedger, ledgerOf } from '../ghosts/arena-ledger.ts';

/** Facts I29. What a leaked page costs is told by `references-count-the-holders`. */
export const destroyedArenasLeaveNothing = invariant<ArenaWorld>({
  name: 'destroyed-arenas-leave-nothing',
  law: 'After an arena is gone its kernel window maps nothing and no span of it is queued.',
  ghosts: [arenaLedger],
  after: ['arena_map_free'],
  judgeStep(world, { taken, returned }, violated) {
    const { arena } = taken.arena as ArenaMapping;
    if (returned === false) violated('the map was freed while it was mapped: all of it leaks');
    let mapped = 0;
    const { first } = arena.window;
    world.machine.kernelTables.eachLowestTable(first - 8, first + 2 ** 20 + 8, (table, firstPage) => {
      for (let at = 0; at < 512; at++) {
        const inside = firstPage + at >= first - 8 && firstPage + at < first + 2 ** 20 + 8;
        if (inside && table.word(2 * at) !== 0) mapped++;
      }
    });
    if (mapped > 0) violated(`${mapped} entries of the window are left`);
    if (world.arenas.frees.spans.some((span) => span.arena === arena)) violated('a span of the arena is still queued');
    if (ledgerOf(world).populated > 0) violated('a page was mapped while the arena was freed');
  },
});
