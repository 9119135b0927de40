import { type Happened, invariant } from '../../language/invariant.ts';
import { Refusal } from '../../language/operation.ts';
import type { ArenaWorld } from '../../model/arena-world.ts';
import type { Arena } from '../../model/bpf/arena.ts';
import type { ArenaProgram } from '../../model/bpf/arena-program.ts';
import type { BookChanges, TouchedRun } from '../ghosts/arena-book-changes.ts';
import { bySizeOf, type FreeRun, freeRunsOf, runAt } from '../ghosts/arena-free-runs.ts';
import { arenaLedger, ledgerOf } from '../ghosts/arena-ledger.ts';

const ALLOCATES = ['bpf_arena_alloc_pages'];

/** What an allocation was asked for, and its answer in pages from the base. */
function allocation({ taken, returned }: Happened): { arena: Arena; count: number; page: number } {
  const { arena } = taken.program as ArenaProgram;
  return { arena, count: (taken.count as number) >>> 0, page: Number(returned) / 4096 };
}

const succeeded = (_: ArenaWorld, { returned }: Happened): boolean => !(returned instanceof Refusal);

/** Facts I17. The answer of the operation is relative to the base. Other lengths than max_entries are left out (L2). */
export const allocationsLieInTheArena = invariant<ArenaWorld>({
  name: 'allocations-lie-in-the-arena',
  law: "What an allocation returns is page aligned and lies with all its pages inside the arena's user range.",
  after: ALLOCATES,
  concerns: (world, happened) => succeeded(world, happened) && isWhole(allocation(happened).arena),
  judgeStep(_, happened, violated) {
    const { arena, count, page } = allocation(happened);
    if (!Number.isInteger(page)) violated(`base ${page * 4096} is not page aligned`);
    if (page < 0 || page + count > arena.userPages) violated(`pages [${page}, ${page + count}) of the arena`);
  },
});

/** Facts I21: what was asked for is what is populated, and all of it was free before. */
export const allocationsPopulateWhatTheyReturn = invariant<ArenaWorld>({
  name: 'allocations-populate-what-they-return',
  law: 'A successful allocation populates exactly its slots, each of which was free, and none of them is free after.',
  ghosts: [arenaLedger],
  after: ALLOCATES,
  concerns: succeeded,
  judgeStep(world, happened, violated) {
    const { arena, count, page } = allocation(happened);
    const { entries, populated } = ledgerOf(world);
    if (populated !== count) violated(`${count} pages were asked for and ${populated} entries made`);
    const first = (page + (arena.start32 >>> 12) + 2 ** 20) % 2 ** 20;
    for (const { index, frame } of entries) {
      if (frame !== undefined && (index < first || index >= first + count))
        violated(`index ${index} was populated beside [${first}, ${first + count})`);
    }
    for (let slot = Math.max(0, page); slot < page + Math.min(count, 64); slot++) {
      if (runAt(arena, slot) !== undefined) violated(`slot ${slot} was allocated and is still free`);
    }
  },
});

/** Facts I22: best fit by the state before, told from the runs that the step took out of the book. */
export const allocationsTakeTheBestFit = invariant<ArenaWorld>({
  name: 'allocations-take-the-best-fit',
  law: 'An allocation anywhere takes the start of the smallest run that fits, or of the lowest gap in older kernels.',
  ghosts: [arenaLedger],
  after: ALLOCATES,
  concerns: (world, happened) => happened.taken.form === 'null' && succeeded(world, happened),
  judgeStep(world, happened, violated) {
    const { arena, count, page } = allocation(happened);
    const { books } = ledgerOf(world);
    if (bySizeOf(arena) === undefined) {
      const lowest = best(arena, books, count, freeRunsOf(arena).items(), (left, right) => left.first - right.first);
      if (page !== lowest?.first) violated(`slot ${page} was taken, the lowest gap is at ${lowest?.first}`);
      return;
    }
    const fit = best(arena, books, count, runsFrom(arena, count), smallestThenYoungest);
    if (fit !== undefined && fit.first !== page && page >= 0) {
      violated(`slot ${page} was taken, the best fit is [${fit.first}, ${fit.last}]`);
    }
  },
});

/**
 * The best run of those that fitted before the step: one that the step took out of the book, or the first that still stands
 * and was not put there by the step. `standing` comes in the order of `order`.
 */
function best(
  arena: Arena,
  { added, removed }: BookChanges,
  count: number,
  standing: Iterable<FreeRun>,
  order: (left: FreeRun, right: FreeRun) => number,
): FreeRun | undefined {
  const isIn = (list: readonly TouchedRun[], run: FreeRun) => list.some((change) => change.run === run);
  const fits = ({ first, last }: FreeRun) => last - first + 1 >= count;
  let found: FreeRun | undefined;
  for (const run of standing) {
    if (!fits(run) || isIn(added, run)) continue;
    found = run;
    break;
  }
  for (const change of removed) {
    if (change.arena !== arena || !fits(change.run) || isIn(added, change.run)) continue;
    if (found === undefined || order(change.run, found) < 0) found = change.run;
  }
  return found;
}

/** The runs of at least so many slots, the smallest first and the youngest of equals. */
function* runsFrom(arena: Arena, count: number): Generator<FreeRun> {
  const sized = bySizeOf(arena)!;
  let run = sized.ceiling({ first: 0, last: count - 1, stamp: Number.POSITIVE_INFINITY });
  while (run !== undefined) {
    yield run;
    run = sized.ceiling({ ...run, stamp: run.stamp - 0.5 });
  }
}

const smallestThenYoungest = (left: FreeRun, right: FreeRun): number =>
  left.last - left.first - (right.last - right.first) || right.stamp - left.stamp;

const isWhole = ({ userPages, attributes }: Arena): boolean => userPages === attributes.maxEntries;
