import { invariant } from '../../language/invariant.ts';
import type { ArenaWorld } from '../../model/arena-world.ts';
import { kernelEntries } from '../domains/arena.ts';
import { arenaLedger, type TouchedEntry } from '../ghosts/arena-ledger.ts';

/** A stale translation lets a program read and write a page that belongs to somebody else by now. */
export const noCpuKeepsAFreedPage = invariant<ArenaWorld, TouchedEntry>({
  name: 'no-cpu-keeps-a-freed-page',
  law: 'No CPU holds a translation of an arena window that the tables no longer have.',
  ghosts: [arenaLedger],
  over: kernelEntries,
  judge({ machine, arenas }, { arena, index, frame }, violated) {
    const page = arena.window.first + index;
    for (let number = 0; number < machine.cpus.length; number++) {
      const { tlb } = machine.cpus[number]!.mmu;
      if (tlb.size === 0) continue;
      const cached = tlb.lookup(page, 0);
      if (cached === undefined || cached.frame === frame) continue;
      // The addresses of an arena that is gone rest until they are flushed.
      if (!arenas.live.some((mapping) => mapping.arena === arena)) continue;
      violated(`CPU ${number} still translates page ${page.toString(16)} to frame ${cached.frame}`);
    }
  },
});
