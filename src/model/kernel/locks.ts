import type { Journal } from '../../base/journal.ts';

/** A lock class, as lockdep sees it. A holder of a spinlock must not sleep, so must not take a mutex. */
export interface LockClass {
  readonly name: string;
  readonly kind: 'mutex' | 'spinlock';
}

export const packMutex: LockClass = { name: 'pack_mutex', kind: 'mutex' };
export const textMutex: LockClass = { name: 'text_mutex', kind: 'mutex' };
export const dispatcherMutex: LockClass = { name: 'dispatcher_mutex', kind: 'mutex' };
/** The lock of the kernel's own address space, which walkers of its tables take (mmap_read_lock(&init_mm)). */
export const initMmLock: LockClass = { name: 'init_mm.mmap_lock', kind: 'mutex' };
export const vmapPurgeMutex: LockClass = { name: 'vmap_purge_lock', kind: 'mutex' };
/** execmem_cache.mutex (6.13). */
export const execmemMutex: LockClass = { name: 'execmem_cache.mutex', kind: 'mutex' };
/** The mutex of the text allocator that the reviews of 2022 asked for. */
export const vmallocTextMutex: LockClass = { name: 'vmalloc_text_mutex', kind: 'mutex' };
/** free_text_area_lock of the proposal of November 2022. */
export const freeTextAreaLock: LockClass = { name: 'free_text_area_lock', kind: 'spinlock' };
export const vmapAreaLock: LockClass = { name: 'vmap_area_lock', kind: 'spinlock' };
export const cpaLock: LockClass = { name: 'cpa_lock', kind: 'spinlock' };
export const pgdLock: LockClass = { name: 'pgd_lock', kind: 'spinlock' };

/** Every lock class; its index here is its bit in the masks of {@link Locks}. */
export const lockClasses: readonly LockClass[] = [
  packMutex,
  textMutex,
  dispatcherMutex,
  initMmLock,
  vmapPurgeMutex,
  vmapAreaLock,
  cpaLock,
  pgdLock,
  execmemMutex,
  freeTextAreaLock,
  vmallocTextMutex,
];

/**
 * Which locks were ever taken while which others were held: what lockdep would know. Contention is not modelled, since a step
 * is atomic; an order that could deadlock shows in the record all the same.
 */
export class Locks {
  /** By lock class: a mask of the classes that were held when it was taken. */
  readonly heldBefore: number[] = lockClasses.map(() => 0);
  /** How often a lock was released that nobody held. */
  readonly account = { releasedUnheld: 0 };
  readonly #journal: Journal;
  #held = 0;

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  /** Runs the body under the lock. */
  holding<Result>(lock: LockClass, body: () => Result): Result {
    const held = this.#held;
    this.take(lock);
    try {
      return body();
    } finally {
      this.#held = held;
    }
  }

  /** Takes a lock on a hot path; {@link release} must follow in the same function. */
  take(lock: LockClass): void {
    const index = lockClasses.indexOf(lock);
    const known = this.heldBefore[index]!;
    if ((known | this.#held) !== known) this.#journal.set(this.heldBefore, index, known | this.#held);
    this.#held |= 1 << index;
  }

  release(lock: LockClass): void {
    const bit = 1 << lockClasses.indexOf(lock);
    if ((this.#held & bit) === 0) this.#journal.set(this.account, 'releasedUnheld', this.account.releasedUnheld + 1);
    this.#held &= ~bit;
  }
}
