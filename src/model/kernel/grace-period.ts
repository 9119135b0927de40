import type { Journal } from '../../base/journal.ts';
import { JournaledMap } from '../../base/journal.ts';

/** A read-side critical section; `reads` is whatever the reader holds on to while it is inside. */
export interface RcuReader {
  readonly number: number;
  readonly reads: unknown;
}

/** A grace period that was asked for: it ends when the readers that were inside at its start have left. */
export interface GracePeriod {
  readonly number: number;
  readonly waitsFor: readonly RcuReader[];
}

/**
 * RCU reduced to what its users rely on: synchronize_rcu() returns after every read-side section that had begun before it has
 * ended. A reader that enters later delays nobody. Start and end of a grace period are two steps, because others run between.
 */
export class Rcu {
  readonly readers: JournaledMap<number, RcuReader>;
  readonly #journal: Journal;
  readonly #counts = { readers: 0, gracePeriods: 0 };

  constructor(journal: Journal) {
    this.#journal = journal;
    this.readers = new JournaledMap<number, RcuReader>(journal);
  }

  /** rcu_read_lock() by a CPU that then holds `reads`. */
  enter(reads: unknown): RcuReader {
    this.#journal.set(this.#counts, 'readers', this.#counts.readers + 1);
    const reader: RcuReader = { number: this.#counts.readers, reads };
    this.readers.set(reader.number, reader);
    return reader;
  }

  /** rcu_read_unlock() */
  leave(reader: RcuReader): void {
    this.readers.delete(reader.number);
  }

  /** The first half of synchronize_rcu(). */
  begin(): GracePeriod {
    this.#journal.set(this.#counts, 'gracePeriods', this.#counts.gracePeriods + 1);
    return { number: this.#counts.gracePeriods, waitsFor: [...this.readers.values()] };
  }

  /** Whether the second half can return: all readers it waits for have left. */
  isOver(period: GracePeriod): boolean {
    return period.waitsFor.every(({ number }) => !this.readers.has(number));
  }
}
