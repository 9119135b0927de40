import { PAGE_SIZE } from '../../base/page.ts';
import type { Frame } from '../machine/frame.ts';
import type { Machine } from '../machine/machine.ts';
import { type EntryPlace, firstPageOf, pagesAtLevel } from '../machine/page-table.ts';
import { FORCED_4K, GLOBAL, highWord, isPresent, KERNEL_TABLE, LARGE, lowWord } from '../machine/page-table-entry.ts';
import type { DirectMap } from './direct-map.ts';
import type { Outcome } from './errno.ts';
import type { FailurePlan } from './failing.ts';
import type { KernelImage } from './kernel-image.ts';
import { contains } from './layout.ts';
import { type Locks, pgdLock } from './locks.ts';
import type { StaticProtections } from './static-protections.ts';

interface Parts {
  readonly machine: Machine;
  readonly locks: Locks;
  readonly failing: FailurePlan;
  readonly image: KernelImage;
  readonly directMap: DirectMap;
  readonly staticProtections: StaticProtections;
  /** direct_gbpages: whether 1 GiB leaves may be made. */
  readonly gigabytePages: boolean;
}

/**
 * Splits a large leaf into 512 smaller ones and merges 512 into one (set_memory.c: __split_large_page(),
 * collapse_pmd_page(), collapse_pud_page()).
 */
export class LargePages {
  /** How many leaves were ever split and merged, in the direct map or anywhere else. */
  readonly account = { splits: 0, collapses: 0 };
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /**
   * Replaces the leaf by a table of the level below whose entries say the same. The flush comes before any attribute changes,
   * since a CPU must never hold a large and a small translation that differ.
   *
   * @param enforce apply the static protections to each new entry: the leaf was found to break them
   */
  split(place: EntryPlace, page: number, enforce: boolean): Outcome {
    const { machine, failing, locks } = this.#parts;
    const table = failing.next('page table of a split') ? undefined : machine.memory.allocate('page-table');
    if (table === undefined) return '-ENOMEM';
    locks.take(pgdLock);
    this.#fill(table, place, firstPageOf(page, place.level), enforce);
    machine.journal.set(this.account, 'splits', this.account.splits + 1);
    this.countSplit(page, place.level as 2 | 3);
    place.table.setEntry(place.index, table.number, KERNEL_TABLE);
    this.flushAfterSplit();
    locks.release(pgdLock);
    return 0;
  }

  flushAfterSplit(): void {
    this.#parts.machine.flushEverywhere();
  }

  /**
   * The direct map's counters know every address that virt_addr_valid() accepts, and that includes the kernel image's high
   * mapping: a split there is counted too.
   */
  countSplit(page: number, level: 2 | 3): void {
    if (this.#isCounted(page)) this.#parts.directMap.countSplit(level);
  }

  /**
   * Merges what can be merged in each 2 MiB of [firstPage, firstPage + pageCount), then in the 1 GiB around it. One flush ends
   * it all, and only then do the replaced tables go back to the page allocator.
   */
  collapse(firstPage: number, pageCount: number): void {
    const replaced: number[] = [];
    const end = firstPage + pageCount;
    for (let page = firstPageOf(firstPage, 2); page < end; page += pagesAtLevel(2)) {
      this.#parts.locks.take(pgdLock);
      if (this.#merge(page, 2, replaced)) this.#merge(page, 3, replaced);
      this.#parts.locks.release(pgdLock);
    }
    if (replaced.length > 0) this.retireTables(replaced);
  }

  /** Flushes, then frees the tables that a collapse replaced. */
  retireTables(tables: readonly number[]): void {
    const { machine } = this.#parts;
    machine.flushEverywhere();
    for (const table of tables) machine.memory.free(table);
  }

  /** Whether leaves of this level may be made at all. */
  mayMerge(level: 2 | 3): boolean {
    const { machine, gigabytePages } = this.#parts;
    return level === 2 ? machine.configuration.pse : gigabytePages;
  }

  /**
   * Whether the table's 512 entries say together what one leaf above it would say: present, the same flags, frames that
   * follow each other from an aligned one, and none that set_memory_4k() asked to stay small.
   */
  isUniform(table: Frame, level: 2 | 3): boolean {
    const flags = table.entryFlags(0);
    const frame = table.entryFrame(0);
    if (!isPresent(flags) || frame % pagesAtLevel(level) !== 0 || this.mustStaySmall(flags)) return false;
    if (level === 3 && (flags & LARGE) === 0) return false;
    const step = pagesAtLevel(level - 1);
    for (let index = 1; index < 512; index++) {
      if (table.entryFlags(index) !== flags || table.entryFrame(index) !== frame + index * step) return false;
    }
    return true;
  }

  mustStaySmall(flags: number): boolean {
    return (flags & FORCED_4K) !== 0;
  }

  #merge(page: number, level: 2 | 3, replaced: number[]): boolean {
    const { machine, directMap } = this.#parts;
    if (!this.mayMerge(level)) return false;
    const place = tableEntryOf(machine, page, level);
    if (place === undefined) return false;
    const table = machine.memory.frame(place.table.entryFrame(place.index));
    if (!this.isUniform(table, level)) return false;
    place.table.setEntry(place.index, table.entryFrame(0), table.entryFlags(0) | LARGE);
    replaced.push(table.number);
    machine.journal.set(this.account, 'collapses', this.account.collapses + 1);
    if (this.#isCounted(page)) directMap.countCollapse(level);
    return true;
  }

  #fill(table: Frame, { table: above, index, level }: EntryPlace, firstPage: number, enforce: boolean): void {
    const step = pagesAtLevel(level - 1);
    const firstFrame = above.entryFrame(index);
    const flags = smallerFlags(above.entryFlags(index), level);
    const words = new Uint32Array(PAGE_SIZE / 4);
    for (let at = 0; at < 512; at++) {
      const frame = firstFrame + at * step;
      const intended = {
        flags,
        firstPage: firstPage + at * step,
        firstFrame: frame,
        pageCount: step,
        wholeLeaf: false,
      };
      const allowed = enforce ? this.#parts.staticProtections.apply(intended) : flags;
      words[2 * at] = lowWord(frame, allowed);
      words[2 * at + 1] = highWord(frame, allowed);
    }
    table.write(0, new Uint8Array(words.buffer));
  }

  #isCounted(page: number): boolean {
    return this.#parts.directMap.has(page) || contains(this.#parts.image.whole, page);
  }
}

/** Flags of the entries below a leaf of this level. An entry that is not present may carry neither LARGE nor GLOBAL. */
function smallerFlags(flags: number, level: number): number {
  if (!isPresent(flags)) return flags & ~(LARGE | GLOBAL);
  return level === 2 ? flags & ~LARGE : flags;
}

/** The entry of this level on the way to the page, where it points to a table. */
function tableEntryOf(machine: Machine, page: number, level: 2 | 3): EntryPlace | undefined {
  const { kernelTables: tables, memory } = machine;
  let table = memory.frame(tables.root);
  for (let at = tables.levels; ; at--) {
    const index = Math.floor(page / pagesAtLevel(at)) % 512;
    const flags = table.entryFlags(index);
    if (!isPresent(flags) || (flags & LARGE) !== 0) return undefined;
    if (at === level) return { table, index, level };
    table = memory.frame(table.entryFrame(index));
  }
}
