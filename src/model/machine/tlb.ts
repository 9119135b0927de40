import type { Journal, Undoable } from '../../base/journal.ts';
import { firstPageOf, type LeafLevel, pagesAtLevel } from './page-table.ts';

/** A translation that a CPU has cached: what a leaf said when it was read. */
export interface CachedTranslation {
  readonly kind: 'translation';
  readonly firstPage: number;
  readonly level: LeafLevel;
  readonly frame: number;
  readonly flags: number;
  /** The address space of a user-half page; 0 for the kernel half, which all spaces share. */
  readonly space: number;
}

/** A table pointer that a CPU has cached: a walk for these pages may start at this table. */
export interface CachedTable {
  readonly kind: 'table';
  readonly firstPage: number;
  /** The level of the table pointed to. */
  readonly level: number;
  readonly table: number;
  readonly space: number;
}

export type Cached = CachedTranslation | CachedTable;

/** Cached entries of one level, by the key of their first page. */
type Entries = Map<number, Cached>;

/**
 * One CPU's translation caches: leaves, and the paging-structure caches (SDM vol. 3A, 5.10). The model has no size and no
 * replacement: a CPU may cache any present translation at any time (the step `speculate`) and keeps it until it is flushed,
 * which allows everything that a real, smaller cache can do. Without the caches a missing flush could never be seen.
 *
 * In the journal a Tlb is the owner of its own changes: the key is what the CPU cached, or {@link FORGOTTEN} or {@link FLUSHED}.
 */
export class Tlb implements Undoable {
  readonly cpu: number;
  readonly #journal: Journal;
  readonly #holdsTables: boolean;
  /** By {@link leafIndex}: the kernel half by level 1 to 3, then the user halves; index 0 is not used. */
  #leaves: readonly Entries[] = emptyLevels(LEAF_KINDS);
  /** By level of the table pointed to, 1 to 4. */
  #tables: readonly Entries[] = emptyLevels(5);
  #revision = 0;

  /** @param holdsTables false leaves the paging-structure caches out, for a kernel that never frees a table */
  constructor(journal: Journal, cpu: number, holdsTables = true) {
    this.#journal = journal;
    this.cpu = cpu;
    this.#holdsTables = holdsTables;
  }

  /** The cached translation of a page, the smallest leaf first. */
  lookup(page: number, space: number): CachedTranslation | undefined {
    for (let level = 1; level <= 3; level++) {
      const leaves = this.#leaves[leafIndex(level, space)]!;
      if (leaves.size === 0) continue;
      const cached = leaves.get(keyOf(firstPageOf(page, level), space));
      if (cached !== undefined) return cached as CachedTranslation;
    }
    return undefined;
  }

  insert(translation: CachedTranslation): void {
    const held = this.#entriesFor(translation).get(keyOf(translation.firstPage, translation.space));
    if (held?.kind === 'translation' && held.frame === translation.frame && held.flags === translation.flags) return;
    this.#put(translation, held);
  }

  /** Caches a table pointer; nothing is made where it is cached already. */
  insertTable(page: number, level: number, table: number, space: number): void {
    if (!this.#holdsTables) return;
    const firstPage = firstPageOf(page, level + 1);
    const held = this.#tables[level]!.get(keyOf(firstPage, space));
    if (held?.kind === 'table' && held.table === table) return;
    this.#put({ kind: 'table', firstPage, level, table, space }, held);
  }

  /** Grows with every change, one taken back included: while it stands still, so does what is cached. */
  get revision(): number {
    return this.#revision;
  }

  /** How many translations are cached. */
  get size(): number {
    let size = 0;
    for (let index = 1; index < LEAF_KINDS; index++) size += this.#leaves[index]!.size;
    return size;
  }

  *translations(): Generator<CachedTranslation> {
    for (const leaves of this.#leaves) yield* leaves.values() as IterableIterator<CachedTranslation>;
  }

  /** The same without a generator, for laws that look at all of them after every step. */
  eachTranslation(visit: (translation: CachedTranslation) => void): void {
    for (let index = 1; index < LEAF_KINDS; index++) {
      const leaves = this.#leaves[index]!;
      if (leaves.size > 0) leaves.forEach(visit as (cached: Cached) => void);
    }
  }

  *tables(): Generator<CachedTable> {
    for (const tables of this.#tables) yield* tables.values() as IterableIterator<CachedTable>;
  }

  /** Everything, global entries included. */
  flushAll(): void {
    if (this.size === 0 && this.#tables.every(({ size }) => size === 0)) return;
    this.#revision++;
    this.#journal.record(this, FLUSHED, { leaves: this.#leaves, tables: this.#tables });
    this.#leaves = emptyLevels(LEAF_KINDS);
    this.#tables = emptyLevels(5);
  }

  /** All user-half entries of one address space. */
  flushSpace(space: number): void {
    this.#forget(space, () => true);
    this.#flushTables();
  }

  /** INVLPG: whatever translates the page, and every paging-structure entry (SDM vol. 3A, 5.10.4.1). */
  flushPage(page: number, space: number): void {
    for (let level = 1; level <= 3; level++) {
      const leaves = this.#leaves[leafIndex(level, space)]!;
      if (leaves.size === 0) continue;
      const cached = leaves.get(keyOf(firstPageOf(page, level), space));
      if (cached !== undefined) this.#drop(cached);
    }
    this.#flushTables();
  }

  /** INVLPG for each page of [first, end), or a scan of the cache where that is less work. */
  flushRange(first: number, end: number, space: number): void {
    const { size } = this;
    if (size === 0) {
      this.#flushTables();
      return;
    }
    if (end - first <= size) {
      for (let page = first; page < end; page++) this.flushPage(page, space);
      return;
    }
    this.#forget(space, ({ firstPage, level }) => firstPage < end && firstPage + pagesAtLevel(level) > first);
    this.#flushTables();
  }

  undo(key: unknown, old: unknown): void {
    this.#revision++;
    if (key === FLUSHED) {
      const { leaves, tables } = old as { leaves: readonly Entries[]; tables: readonly Entries[] };
      this.#leaves = leaves;
      this.#tables = tables;
      return;
    }
    const cached = (key === FORGOTTEN ? old : key) as Cached;
    const before = key === FORGOTTEN ? cached : (old as Cached | undefined);
    const entries = this.#entriesFor(cached);
    if (before === undefined) entries.delete(keyOf(cached.firstPage, cached.space));
    else entries.set(keyOf(cached.firstPage, cached.space), before);
  }

  #put(cached: Cached, held: Cached | undefined): void {
    this.#revision++;
    this.#journal.record(this, cached, held);
    this.#entriesFor(cached).set(keyOf(cached.firstPage, cached.space), cached);
  }

  #drop(cached: Cached): void {
    this.#revision++;
    this.#journal.record(this, FORGOTTEN, cached);
    this.#entriesFor(cached).delete(keyOf(cached.firstPage, cached.space));
  }

  /** Looks only through the half of the cache that the space has entries in. */
  #forget(space: number, chosen: (cached: CachedTranslation) => boolean): void {
    for (let level = 1; level <= 3; level++) {
      for (const cached of this.#leaves[leafIndex(level, space)]!.values() as IterableIterator<CachedTranslation>) {
        if (cached.space === space && chosen(cached)) this.#drop(cached);
      }
    }
  }

  #flushTables(): void {
    if (!this.#holdsTables) return;
    for (const tables of this.#tables) for (const cached of tables.values()) this.#drop(cached);
  }

  #entriesFor(cached: Cached): Entries {
    return cached.kind === 'table' ? this.#tables[cached.level]! : this.#leaves[leafIndex(cached.level, cached.space)]!;
  }
}

/** Journal keys of a {@link Tlb}: one cached entry went (it stands as the old value), or all of them did. */
export const FORGOTTEN = Symbol('forgotten');
export const FLUSHED = Symbol('flushed');

const emptyLevels = (count: number): readonly Entries[] => Array.from({ length: count }, () => new Map());

/** Three levels of the kernel half, three of the user halves, and an index that is not used. */
const LEAF_KINDS = 7;

/** Kernel entries stand apart, so that ending an address space does not look through them: only they have space 0. */
const leafIndex = (level: number, space: number): number => (space === 0 ? level : level + 3);

/** Kernel-half pages are the same in every space and lie above 2^51; user-half pages lie below 2^44. */
function keyOf(page: number, space: number): number {
  return page >= 2 ** 51 ? page : page + space * 2 ** 44;
}

/** Whether the page lies in the kernel half of the address space. */
export const isKernelPage = (page: number): boolean => page >= 2 ** 51;

/** Whether a 52-bit page number is one that `levels` levels of tables can translate. */
export function isCanonical(page: number, levels: number): boolean {
  const half = pagesAtLevel(levels + 1) / 2;
  return page < half || page >= 2 ** 52 - half;
}
