import { invariant } from '../../language/invariant.ts';
import type { ArenaWorld } from '../../model/arena-world.ts';
import type { Arena, VmaRecord } from '../../model/bpf/arena.ts';
import { ArenaMapping } from '../../model/bpf/arena-user-side.ts';
import type { VmArea } from '../../model/kernel/user-memory/vm-area.ts';
import { arenas } from '../domains/arena.ts';
import { arenaLedger } from '../ghosts/arena-ledger.ts';

/** The areas of an arena in every process. */
function areasOf(world: ArenaWorld, arena: Arena): VmArea[] {
  return world.processes.items.flatMap(({ areas }) =>
    areas.filter(({ file }) => file instanceof ArenaMapping && file.arena === arena),
  );
}

/** Facts I28 and I30: a record that names an area which is gone is what the zap of a free then walks (F9, F21). */
export const recordsNameLiveAreas = invariant<ArenaWorld, Arena>({
  name: 'records-name-live-areas',
  law: 'There is one record for each area of an arena, and it names that area.',
  ghosts: [arenaLedger],
  over: arenas,
  judge(world, arena, violated) {
    const areas = areasOf(world, arena);
    const records = arena.records.items;
    if (areas.length !== records.length) violated(`${records.length} records stand for ${areas.length} areas`);
    for (const { area } of records) {
      if (!area.live || !areas.includes(area)) violated(`a record names an area that is no mapping of the arena`);
    }
    for (const area of areas) {
      const record = area.privateData as VmaRecord;
      if (!records.includes(record)) violated('an area refers to a record that is not listed');
      else if (record.area !== area) violated('an area shares the record of another one');
    }
  },
});

/** Facts I15 and I30. */
export const areasAreWhole = invariant<ArenaWorld, Arena>({
  name: 'areas-are-whole',
  law: 'Every area of an arena covers exactly its user range.',
  ghosts: [arenaLedger],
  over: arenas,
  judge(world, arena, violated) {
    for (const { first, end, process } of areasOf(world, arena)) {
      const whole = BigInt(first) << 12n === arena.userStart && BigInt(end) << 12n === arena.userEnd;
      if (!whole)
        violated(`process ${process.number} maps pages [${first.toString(16)}, ${end.toString(16)}) of an arena`);
    }
  },
});
