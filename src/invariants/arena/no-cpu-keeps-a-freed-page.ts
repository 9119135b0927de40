import { invariant } from '../../language/invariant.ts';
import type { ArenaWorld } from '../../model/arena-world.ts';
import type { Arena } from '../../model/bpf/arena.ts';
import { ArenaWindow } from '../../model/bpf/arena-window.ts';

/** A stale translation lets a program read and write a page that belongs to somebody else by now. */
export const noCpuKeepsAFreedPage = invariant<ArenaWorld>({
  name: 'no-cpu-keeps-a-freed-page',
  law: 'No CPU holds a translation of an arena window that the tables no longer have.',
  concerns: (world, { changes }) =>
    world.machine.cpus.some(({ mmu }) => mmu.tlb.size > 0) && changes.of(ArenaWindow).length > 0,
  judgeStep({ machine, arenas }, _, violated) {
    const windows = arenas.live.map(({ arena }) => arena);
    for (const { mmu, number } of machine.cpus) {
      for (const { firstPage, frame } of mmu.tlb.translations()) {
        if (!windows.some((arena) => inWindow(arena, firstPage))) continue;
        if (machine.kernelTables.translate(firstPage)?.frame === frame) continue;
        violated(`CPU ${number} still translates page ${firstPage.toString(16)} to frame ${frame}`);
      }
    }
  },
});

const inWindow = ({ window }: Arena, page: number): boolean =>
  page >= window.first - 8 && page < window.first + 2 ** 20 + 8;
