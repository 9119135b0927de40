import type { OrderedSet } from '../../base/ordered-set.ts';
import type { Arena } from '../../model/bpf/arena.ts';
import { type FreeRun, freeRunsOf } from './arena-free-runs.ts';

/** Slots [first, last] of an arena whose state a step can have changed. */
export interface TouchedSlots {
  readonly arena: Arena;
  readonly first: number;
  readonly last: number;
}

/** A free run that a step put into a book, or took out. */
export interface TouchedRun {
  readonly arena: Arena;
  readonly run: FreeRun;
}

/**
 * What one step did to books of free slots: the runs that came and went, and the slots that changed their state by that. A run
 * that shrinks goes and comes back, so only ends that do not cancel out enclose slots that changed.
 */
export class BookChanges {
  /** Runs that stand where runs changed, with their neighbours. */
  readonly standing: TouchedRun[] = [];
  readonly added: TouchedRun[] = [];
  readonly removed: TouchedRun[] = [];
  readonly #arenas = new WeakMap<object, Arena>();
  /** Most steps change the book of one arena, those of use cases a second one that they make. */
  readonly #ends = new Map<Arena, number[]>();

  forget(): void {
    if (this.#ends.size === 0) return;
    this.#ends.clear();
    this.standing.length = 0;
    this.added.length = 0;
    this.removed.length = 0;
  }

  /** Runs by address of an arena are kept in this set. */
  learn(runs: object, arena: Arena): void {
    this.#arenas.set(runs, arena);
  }

  changed(runs: OrderedSet<FreeRun>, added: boolean, run: FreeRun): void {
    const arena = this.#arenas.get(runs);
    if (arena === undefined) return;
    (added ? this.added : this.removed).push({ arena, run });
    const ends = this.#ends.get(arena);
    if (ends === undefined) this.#ends.set(arena, [run.first, run.last + 1]);
    else ends.push(run.first, run.last + 1);
  }

  /** All changes are told: finds the runs that stand, and adds the slots that changed. The book of a dead arena is nobody's. */
  finish(slots: TouchedSlots[], live: readonly { readonly arena: Arena }[]): void {
    for (const [arena, ends] of this.#ends) {
      if (!live.some((mapping) => mapping.arena === arena)) continue;
      ends.sort(byNumber);
      let from: number | undefined;
      for (let at = 0; at < ends.length; ) {
        const end = ends[at]!;
        let next = at + 1;
        while (ends[next] === end) next++;
        if ((next - at) % 2 === 1) {
          if (from !== undefined) slots.push({ arena, first: from, last: end - 1 });
          from = from === undefined ? end : undefined;
        }
        this.#find(arena, end);
        at = next;
      }
    }
  }

  /** The runs before and after a place. */
  #find(arena: Arena, place: number): void {
    const runs = freeRunsOf(arena);
    const probe = { first: place, last: place, stamp: 0 };
    const below = runs.floor(probe);
    const above = below?.first === place ? below : runs.ceiling(probe);
    if (below !== undefined) this.#stands(arena, below);
    if (above !== undefined) this.#stands(arena, above);
  }

  #stands(arena: Arena, run: FreeRun): void {
    if (this.standing.at(-1)?.run !== run && this.standing.at(-2)?.run !== run) this.standing.push({ arena, run });
  }
}

const byNumber = (left: number, right: number): number => left - right;
