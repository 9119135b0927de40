import { invariant } from '../../language/invariant.ts';
import { Refusal } from '../../language/operation.ts';
import type { ArenaWorld } from '../../model/arena-world.ts';
import type { Arena } from '../../model/bpf/arena.ts';
import type { FreeInFlight } from '../../model/bpf/arena-frees.ts';
import { arenas } from '../domains/arena.ts';
import { arenaLedger } from '../ghosts/arena-ledger.ts';

/** Facts F23 and J3: between reading the list and walking an area, its process may unmap it or end. */
export const zapsWalkAreasThatStand = invariant<ArenaWorld>({
  name: 'zaps-walk-areas-that-stand',
  law: 'A zap walks only areas that are mappings of the arena at that moment.',
  after: ['arena_free_zap'],
  concerns: (_, { taken }) => (taken.freeing as FreeInFlight).noted.length > 0,
  judgeStep(_, { taken, returned }, violated) {
    const { arena, noted } = taken.freeing as FreeInFlight;
    const standing = noted.filter(({ area, first }) => {
      const file = area.file as { readonly arena?: Arena } | undefined;
      return area.live && area.first === first && file?.arena === arena && area.process.areas.includes(area);
    });
    if ((returned as number) > standing.length) {
      violated(`${returned} areas were walked, and ${standing.length} of those that were noted still stand`);
    }
  },
});

/** Facts F17a: an exit of the fault handler that keeps the lock stops every later fault. */
export const locksAreLetGo = invariant<ArenaWorld, Arena>({
  name: 'arena-locks-are-let-go',
  law: 'Between steps nobody holds the lock of an arena.',
  ghosts: [arenaLedger],
  over: arenas,
  judge(_, { locked }, violated) {
    if (locked) violated('the lock of an arena is held');
  },
});

/** Facts F30 and B2: what is told decides whether memory is reclaimed or a process dies. */
export const faultsTellWhatWasLacking = invariant<ArenaWorld>({
  name: 'faults-tell-what-was-lacking',
  law: 'A fault that gets no page is answered with a signal, or since 7.3 as a lack of memory.',
  after: ['arena_vm_fault'],
  concerns: ({ failing }, { returned }) => returned instanceof Refusal && failing.failed === 'page',
  judgeStep({ profile }, { returned }, violated) {
    const { answer } = returned as Refusal;
    const expected = profile.faultAllocates === 'before-lock' ? 'OOM' : 'SIGSEGV';
    if (answer !== expected) violated(`${answer} instead of ${expected}`);
  },
});
