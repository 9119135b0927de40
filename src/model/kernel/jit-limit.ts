import type { Journal } from '../../base/journal.ts';
import { PAGE_SIZE } from '../../base/page.ts';
import { roundUp } from '../../base/word.ts';

/**
 * Models the accounting of executable memory in kernel/bpf/core.c: `bpf_jit_current` against `bpf_jit_limit`.
 *
 * A program is charged its rounded size; the slack of a pack, the RW buffer and the dispatcher's image are charged to
 * nobody. Kernels before 5.18 count pages, later ones bytes.
 */
export class JitLimit {
  /** The sysctl net.core.bpf_jit_limit, in bytes. */
  limit: number;
  /** What is charged now, in units. */
  current = 0;
  /** Bytes in a unit: 1 or 4096. */
  readonly unit: number;
  readonly #journal: Journal;

  /** @param windowBytes the size of the module window; half of it is the limit at boot */
  constructor(journal: Journal, { windowBytes, unit }: { readonly windowBytes: number; readonly unit: number }) {
    this.#journal = journal;
    this.unit = unit;
    this.limit = roundUp(Math.floor(windowBytes / 2), PAGE_SIZE);
  }

  setLimit(bytes: number): void {
    this.#journal.set(this, 'limit', bytes);
  }

  /**
   * bpf_jit_charge_modmem(): adds first and looks then, so that even a charge of nothing fails above the limit.
   * False stands for -EPERM, with nothing charged. A capable caller may exceed the limit, and stays charged.
   */
  charge(amount: number, capable: boolean): boolean {
    this.#add(amount);
    if (this.exceeded() && !capable) {
      this.#add(-amount);
      return false;
    }
    return true;
  }

  /** bpf_jit_uncharge_modmem(). */
  uncharge(amount: number): void {
    this.#add(-amount);
  }

  /** Whether more is charged than the limit allows: strictly more, and whole units count. */
  exceeded(): boolean {
    return this.current > Math.floor(this.limit / this.unit);
  }

  #add(amount: number): void {
    this.#journal.set(this, 'current', this.current + amount);
  }
}
