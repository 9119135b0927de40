import type { Journal } from '../../base/journal.ts';

/**
 * A memory cgroup as far as single pages go: mm/memcontrol.c:try_charge_memcg() of one page against `memory.max`. Reclaim,
 * `memory.high`, the hierarchy and the charge of metadata are left out: none of them decides who pays.
 */
export class MemoryCgroup {
  readonly name: string;
  readonly #journal: Journal;
  readonly #state = { charged: 0, limit: Number.POSITIVE_INFINITY };

  constructor(journal: Journal, name: string) {
    this.#journal = journal;
    this.name = name;
  }

  /** Pages charged now: memory.current. */
  get charged(): number {
    return this.#state.charged;
  }

  /** memory.max in pages; there is none at first. */
  get limit(): number {
    return this.#state.limit;
  }

  /** Lowering the limit below what is charged takes nothing away: there is nothing here to reclaim. */
  setLimit(pages: number): void {
    this.#journal.set(this.#state, 'limit', pages);
  }

  /** Charges one page; false at the limit. */
  charge(): boolean {
    if (this.#state.charged >= this.#state.limit) return false;
    this.#journal.set(this.#state, 'charged', this.#state.charged + 1);
    return true;
  }

  uncharge(): void {
    this.#journal.set(this.#state, 'charged', this.#state.charged - 1);
  }
}
