import { OrderedSet } from '../../base/ordered-set.ts';
import { type Happened, invariant } from '../../language/invariant.ts';
import { Refusal } from '../../language/operation.ts';
import type { ArenaWorld } from '../../model/arena-world.ts';
import type { ArenaProgram } from '../../model/bpf/arena-program.ts';
import { bySizeOf, type FreeRun, freeRunsOf, runAt } from '../ghosts/arena-free-runs.ts';
import { arenaLedger, ledgerOf } from '../ghosts/arena-ledger.ts';

const allocates = (_: ArenaWorld, { operation, returned }: Happened): boolean =>
  operation.name === 'bpf_arena_alloc_pages' && !(returned instanceof Refusal);

/** Facts I17. The answer of the operation is relative to the base. Other lengths than max_entries are left out (L2). */
export const allocationsLieInTheArena = invariant<ArenaWorld>({
  name: 'allocations-lie-in-the-arena',
  law: "What an allocation returns is page aligned and lies with all its pages inside the arena's user range.",
  concerns: (world, happened) => allocates(world, happened) && isWhole(happened),
  judgeStep(_, { taken, returned }, violated) {
    const { arena } = taken.program as ArenaProgram;
    const relative = returned as bigint;
    const end = relative + BigInt(taken.count as number) * 4096n;
    if ((relative & 0xfffn) !== 0n) violated(`base ${relative} is not page aligned`);
    if (relative < 0n || end > BigInt(arena.userPages) * 4096n) violated(`bytes [${relative}, ${end}) of the arena`);
  },
});

/** Facts I21: what was asked for is what is populated, and all of it was free before. */
export const allocationsPopulateWhatTheyReturn = invariant<ArenaWorld>({
  name: 'allocations-populate-what-they-return',
  law: 'A successful allocation populates exactly its slots, each of which was free, and none of them is free after.',
  ghosts: [arenaLedger],
  concerns: allocates,
  judgeStep(world, { taken, returned }, violated) {
    const { arena } = taken.program as ArenaProgram;
    const count = taken.count as number;
    const { populated } = ledgerOf(world);
    if (populated.length !== count) violated(`${count} pages were asked for and ${populated.length} entries made`);
    const first = Number(((returned as bigint) + arena.userStart) >> 12n) % 2 ** 20;
    for (const { index } of populated) {
      if (index < first || index >= first + count)
        violated(`index ${index} was populated beside [${first}, ${first + count})`);
    }
    for (let slot = 0; slot < Math.min(count, 64); slot++) {
      const at = Number((returned as bigint) >> 12n) + slot;
      if (at >= 0 && runAt(arena, at) !== undefined) violated(`slot ${at} was allocated and is still free`);
    }
  },
});

/** Facts I22: best fit by the state before, told from the runs that the step took out of the book. */
export const allocationsTakeTheBestFit = invariant<ArenaWorld>({
  name: 'allocations-take-the-best-fit',
  law: 'An allocation anywhere takes the start of the smallest run that fits, or of the lowest gap in older kernels.',
  concerns: (world, happened) => allocates(world, happened) && happened.taken.form === 'null',
  judgeStep(_, happened, violated) {
    const { arena } = happened.taken.program as ArenaProgram;
    const count = happened.taken.count as number;
    const slot = Number((happened.returned as bigint) >> 12n);
    const before = runsBefore(happened, arena);
    const fitting = before.filter(({ first, last }) => last - first + 1 >= count);
    if (bySizeOf(arena) === undefined) {
      const lowest = fitting.reduce((best, { first }) => Math.min(best, first), Number.POSITIVE_INFINITY);
      if (slot !== lowest) violated(`slot ${slot} was taken, the lowest gap is at ${lowest}`);
      return;
    }
    const best = fitting.toSorted((a, b) => a.last - a.first - (b.last - b.first) || b.stamp - a.stamp)[0];
    if (best !== undefined && best.first !== slot && slot >= 0) {
      violated(`slot ${slot} was taken, the best fit is [${best.first}, ${best.last}]`);
    }
  },
});

/** The runs as they stood before the step. */
function runsBefore({ changes }: Happened, arena: ArenaProgram['arena']): FreeRun[] {
  const book = freeRunsOf(arena);
  const now = new Set(book.items());
  const undone: [unknown, FreeRun][] = [];
  changes.each((owner, key, old) => {
    if (owner instanceof OrderedSet && owner === book) undone.push([key, old as FreeRun]);
  });
  for (const [key, run] of undone.reverse()) {
    if (key === 'added') now.delete(run);
    else now.add(run);
  }
  return [...now];
}

function isWhole({ taken }: Happened): boolean {
  const { arena } = taken.program as ArenaProgram;
  return arena.userPages === arena.attributes.maxEntries;
}
