import type { Journal } from '../../base/journal.ts';
import type { LeafLevel } from '../machine/page-table.ts';
import { contains, type Window } from './layout.ts';

/** DirectMap4k, DirectMap2M and DirectMap1G of /proc/meminfo, in leaves. */
export type LevelCounts = Record<LeafLevel, number>;

/** direct_map_level{2,3}_{splits,collapses} of /proc/vmstat. */
export interface DirectMapEvents {
  splits2: number;
  splits3: number;
  collapses2: number;
  collapses3: number;
}

/**
 * The kernel's mapping of all physical memory, read-write and never executable, and its accounts (arch/x86/mm/init_64.c,
 * update_page_count()). Memory holes and the first megabyte's small pages are left out: no allocator of text gets them.
 */
export class DirectMap {
  readonly window: Window;
  /** direct_pages_count[] */
  readonly counts: LevelCounts;
  readonly events: DirectMapEvents = { splits2: 0, splits3: 0, collapses2: 0, collapses3: 0 };
  readonly #journal: Journal;

  /** @param counts the leaves that boot made */
  constructor(journal: Journal, firstPage: number, frameCount: number, counts: LevelCounts) {
    this.#journal = journal;
    this.window = { first: firstPage, end: firstPage + frameCount };
    this.counts = counts;
  }

  has(page: number): boolean {
    return contains(this.window, page);
  }

  /** __va() */
  pageOf(frame: number): number {
    return this.window.first + frame;
  }

  /** __pa() of a page of the direct map. */
  frameOf(page: number): number {
    return page - this.window.first;
  }

  /** split_page_count(): a leaf of this level became 512 of the level below. */
  countSplit(level: 2 | 3): void {
    this.#count(level, -1);
    this.#event(level === 2 ? 'splits2' : 'splits3');
  }

  /** collapse_page_count(): 512 leaves of the level below became one of this level. */
  countCollapse(level: 2 | 3): void {
    this.#count(level, 1);
    this.#event(level === 2 ? 'collapses2' : 'collapses3');
  }

  #count(level: 2 | 3, leaves: 1 | -1): void {
    const below = level === 2 ? 1 : 2;
    this.#journal.set(this.counts, level, this.counts[level] + leaves);
    this.#journal.set(this.counts, below, this.counts[below] - 512 * leaves);
  }

  #event(name: keyof DirectMapEvents): void {
    this.#journal.set(this.events, name, this.events[name] + 1);
  }
}
