import { invariant } from '../../language/invariant.ts';
import type { ArenaWorld } from '../../model/arena-world.ts';
import type { Arena } from '../../model/bpf/arena.ts';
import { arenaSlots } from '../domains/arena.ts';
import type { TouchedSlots } from '../ghosts/arena-book-changes.ts';
import { runAt } from '../ghosts/arena-free-runs.ts';
import { arenaLedger, ledgerOf } from '../ghosts/arena-ledger.ts';

/** Facts I2 and I3: what is free holds no data page, so that nobody is handed a page that another one uses. */
export const freeSlotsHoldNoPage = invariant<ArenaWorld, TouchedSlots>({
  name: 'free-slots-hold-no-page',
  law: 'A slot that is free holds no page; a slot that holds a page is not free.',
  ghosts: [arenaLedger],
  over: arenaSlots,
  judge(world, { arena, first, last }, violated) {
    const ledger = ledgerOf(world);
    const start = arena.start32 >>> 12;
    const judgeAt = (slot: number): void => {
      const frame = ledger.kernelFrame(arena, (start + slot) % 2 ** 20);
      if (frame === undefined || frame === arena.scratch || runAt(arena, slot) === undefined) return;
      violated(`slot ${slot} is free and holds frame ${frame}`);
    };
    if (last - first < 64) for (let slot = first; slot <= last; slot++) judgeAt(slot);
    else for (const slot of populatedBetween(arena, first, last)) judgeAt(slot);
  },
});

/** Slots of [first, last] with an entry in the tables, found table by table. */
function populatedBetween({ window, surroundings, start32 }: Arena, first: number, last: number): number[] {
  const slots: number[] = [];
  // Slots of the band before its end, and those that come after it at its beginning.
  for (const lap of [0, 2 ** 20]) {
    const base = window.first + (start32 >>> 12) - lap;
    const from = Math.max(base + first, window.first);
    const end = Math.min(base + Math.min(last + 1, 2 ** 20), window.first + 2 ** 20);
    surroundings.machine.kernelTables.eachLowestTable(from, end, (table, firstPage) => {
      for (let page = Math.max(from, firstPage); page < Math.min(end, firstPage + 512); page++) {
        if (table.word(2 * (page - firstPage)) !== 0) slots.push(page - base);
      }
    });
  }
  return slots;
}
