import type { Journal } from '../../base/journal.ts';
import { OrderedSet } from '../../base/ordered-set.ts';
import type { Run } from './arena-free-ranges.ts';

/** A run with its place in the order of insertion. */
export interface StampedRun extends Run {
  readonly stamp: number;
}

/**
 * Slots as maximal disjoint runs in address order. Every change of a run is a removal and an insertion, and an insertion
 * gives a new stamp: the order of insertion decides which of two equal runs the range tree hands out.
 */
export class RunSet {
  readonly byAddress: OrderedSet<StampedRun>;
  readonly #journal: Journal;
  readonly #clock = { stamp: 0 };

  constructor(journal: Journal) {
    this.#journal = journal;
    this.byAddress = new OrderedSet<StampedRun>(journal, (left, right) => left.first - right.first);
  }

  runs(): Generator<Run> {
    return this.byAddress.items();
  }

  /** Whether one run holds all slots of [first, last]. */
  covers(first: number, last: number): boolean {
    const run = this.runHolding(first);
    return run !== undefined && run.last >= last;
  }

  /** Takes the slots out of every run that holds some of them; of a split run the left part is inserted first. */
  clear(first: number, last: number): void {
    for (let run = this.runMeeting(first, last); run !== undefined; run = this.runMeeting(first, last)) {
      this.remove(run);
      if (run.first < first) this.insert(run.first, first - 1);
      if (run.last > last) this.insert(last + 1, run.last);
    }
  }

  /** Adds the slots and joins them with the runs on both sides. Nothing changes when one run holds them all already. */
  set(first: number, last: number): void {
    if (this.covers(first, last)) return;
    this.clear(first, last);
    const left = this.runHolding(first - 1);
    const right = this.runHolding(last + 1);
    if (left !== undefined) this.remove(left);
    if (right !== undefined) this.remove(right);
    this.insert(left?.first ?? first, right?.last ?? last);
  }

  insert(first: number, last: number): void {
    const run = { first, last, stamp: this.#clock.stamp };
    this.#journal.set(this.#clock, 'stamp', run.stamp + 1);
    this.added(run);
  }

  remove(run: StampedRun): void {
    this.byAddress.delete(run);
  }

  /** The run that holds the slot. */
  runHolding(slot: number): StampedRun | undefined {
    const run = this.byAddress.floor({ first: slot, last: slot, stamp: 0 });
    return run !== undefined && run.last >= slot ? run : undefined;
  }

  /** The first run that holds a slot of [first, last]. */
  runMeeting(first: number, last: number): StampedRun | undefined {
    const holder = this.runHolding(first);
    if (holder !== undefined) return holder;
    const next = this.byAddress.ceiling({ first, last: first, stamp: 0 });
    return next !== undefined && next.first <= last ? next : undefined;
  }

  protected added(run: StampedRun): void {
    this.byAddress.add(run);
  }
}
