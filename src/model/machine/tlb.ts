import { type Journal, JournaledMap } from '../../base/journal.ts';
import { canonicalPage, firstPageOf, type LeafLevel, pagesAtLevel } from './page-table.ts';

/** A translation that a CPU has cached: what a leaf said when it was read. */
export interface CachedTranslation {
  readonly firstPage: number;
  readonly level: LeafLevel;
  readonly frame: number;
  readonly flags: number;
  /** The address space of a user-half page; 0 for the kernel half, which all spaces share. */
  readonly space: number;
}

/** A table pointer that a CPU has cached: a walk for these pages may start at this table. */
export interface CachedTable {
  readonly firstPage: number;
  /** The level of the table pointed to. */
  readonly level: number;
  readonly table: number;
  readonly space: number;
}

/**
 * One CPU's translation caches: leaves, and the paging-structure caches (SDM vol. 3A, 5.10). The model has no size and no
 * replacement: a CPU may cache any present translation at any time (the step `speculate`) and keeps it until it is flushed,
 * which allows everything that a real, smaller cache can do. Without the caches a missing flush could never be seen.
 */
export class Tlb {
  readonly cpu: number;
  /** By level 1 to 3, then by key of the first page. */
  readonly #leaves: readonly JournaledMap<number, CachedTranslation>[];
  readonly #tables: JournaledMap<string, CachedTable>;

  constructor(journal: Journal, cpu: number) {
    this.cpu = cpu;
    this.#leaves = [1, 2, 3].map(() => new JournaledMap<number, CachedTranslation>(journal));
    this.#tables = new JournaledMap<string, CachedTable>(journal);
  }

  /** The cached translation of a page, the smallest leaf first. */
  lookup(page: number, space: number): CachedTranslation | undefined {
    for (let level = 1; level <= 3; level++) {
      const leaves = this.#leaves[level - 1]!;
      if (leaves.size === 0) continue;
      const cached = leaves.get(keyOf(firstPageOf(page, level), space));
      if (cached !== undefined) return cached;
    }
    return undefined;
  }

  insert(translation: CachedTranslation): void {
    const leaves = this.#leaves[translation.level - 1]!;
    const key = keyOf(translation.firstPage, translation.space);
    const held = leaves.get(key);
    if (held?.frame === translation.frame && held.flags === translation.flags) return;
    leaves.set(key, translation);
  }

  insertTable(cached: CachedTable): void {
    const key = `${cached.level}:${keyOf(cached.firstPage, cached.space)}`;
    if (this.#tables.get(key)?.table !== cached.table) this.#tables.set(key, cached);
  }

  get size(): number {
    return this.#leaves[0]!.size + this.#leaves[1]!.size + this.#leaves[2]!.size;
  }

  *translations(): Generator<CachedTranslation> {
    for (const leaves of this.#leaves) yield* leaves.values();
  }

  tables(): IterableIterator<CachedTable> {
    return this.#tables.values();
  }

  /** Everything, global entries included. */
  flushAll(): void {
    for (const leaves of this.#leaves) for (const key of [...leaves.keys()]) leaves.delete(key);
    this.#flushTables();
  }

  /** All user-half entries of one address space. */
  flushSpace(space: number): void {
    for (const leaves of this.#leaves) {
      for (const [key, { space: owner }] of [...leaves.entries()]) if (owner === space) leaves.delete(key);
    }
    this.#flushTables();
  }

  /** INVLPG: whatever translates the page, and every paging-structure entry (SDM vol. 3A, 5.10.4.1). */
  flushPage(page: number, space: number): void {
    for (let level = 1; level <= 3; level++) this.#leaves[level - 1]!.delete(keyOf(firstPageOf(page, level), space));
    this.#flushTables();
  }

  /** INVLPG for each page of [first, end), or a scan of the cache where that is less work. */
  flushRange(first: number, end: number, space: number): void {
    if (end - first <= this.size) {
      for (let page = first; page < end; page++) this.flushPage(page, space);
      return;
    }
    for (const leaves of this.#leaves) {
      for (const [key, cached] of [...leaves.entries()]) {
        const past = cached.firstPage + pagesAtLevel(cached.level);
        if (cached.space === space && cached.firstPage < end && past > first) leaves.delete(key);
      }
    }
    this.#flushTables();
  }

  #flushTables(): void {
    for (const key of [...this.#tables.keys()]) this.#tables.delete(key);
  }
}

/** Kernel-half pages are the same in every space and lie above 2^51; user-half pages lie below 2^44. */
function keyOf(page: number, space: number): number {
  return page >= 2 ** 51 ? page : page + space * 2 ** 44;
}

/** Whether the page lies in the kernel half of the address space. */
export const isKernelPage = (page: number): boolean => page >= 2 ** 51;

/** Whether a 52-bit page number is one that `levels` levels of tables can translate. */
export const isCanonical = (page: number, levels: number): boolean => canonicalPage(page, levels) === page;
