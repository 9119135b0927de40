import { ModelBug } from '../../base/assert.ts';
import type { Frame } from './frame.ts';
import { isPresent, LARGE } from './page-table-entry.ts';
import type { PhysicalMemory } from './physical-memory.ts';

/** The level of a leaf as the kernel's pg_level counts: 1 is 4 KiB, 2 is 2 MiB, 3 is 1 GiB. */
export type LeafLevel = 1 | 2 | 3;

/** Base pages that an entry of a level spans. */
export const pagesAtLevel = (level: number): number => PAGES_AT_LEVEL[level]!;

const PAGES_AT_LEVEL: readonly number[] = [1 / 512, 1, 512, 512 ** 2, 512 ** 3, 512 ** 4, 512 ** 5];

/** Where an entry stands: in which table frame, at which index, on which level. */
export interface EntryPlace {
  readonly table: Frame;
  readonly index: number;
  readonly level: number;
}

/**
 * A tree of page tables in real frames. It knows the format and the walk; who may change what, and what must be flushed
 * after, is the kernel's business.
 */
export class PageTable {
  readonly root: number;
  /** 4, or 5 with LA57. */
  readonly levels: number;
  readonly #memory: PhysicalMemory;

  constructor(memory: PhysicalMemory, root: Frame, levels: number) {
    this.#memory = memory;
    this.root = root.number;
    this.levels = levels;
  }

  /** Index of the page in a table of this level: nine bits of its number. */
  static indexAt(page: number, level: number): number {
    const high = Math.floor(page / LOW_SPAN);
    return level > 3 ? (high >>> (9 * level - 36)) & 511 : ((page - high * LOW_SPAN) >>> (9 * level - 9)) & 511;
  }

  /**
   * The entry that ends the walk for a page: the leaf, or the first entry that is not present. Its level says how far the
   * walk came.
   */
  walk(page: number): EntryPlace {
    const high = Math.floor(page / LOW_SPAN);
    const low = page - high * LOW_SPAN;
    let table = this.#memory.frame(this.root);
    for (let level = this.levels; ; level--) {
      const index = level > 3 ? (high >>> (9 * level - 36)) & 511 : (low >>> (9 * level - 9)) & 511;
      const flags = table.entryFlags(index);
      if (level === 1 || !isPresent(flags) || (flags & LARGE) !== 0) return { table, index, level };
      table = this.#memory.frame(table.entryFrame(index));
    }
  }

  /** The leaf that maps the page, or undefined when it is not mapped. */
  leaf(page: number): Leaf | undefined {
    const { table, index, level } = this.walk(page);
    const flags = table.entryFlags(index);
    if (!isPresent(flags)) return undefined;
    return {
      table,
      index,
      level: level as LeafLevel,
      flags,
      frame: table.entryFrame(index),
      firstPage: firstPageOf(page, level),
    };
  }

  /** The frame and flags behind one base page, whatever the size of the leaf. */
  translate(page: number): { readonly frame: number; readonly flags: number; readonly level: LeafLevel } | undefined {
    const leaf = this.leaf(page);
    if (leaf === undefined) return undefined;
    return { frame: leaf.frame + (page - leaf.firstPage), flags: leaf.flags, level: leaf.level };
  }

  /**
   * The entry of a page on one level, making the tables above it as needed.
   * Undefined when `newTable` has no frame to give; tables made so far stay, as in the kernel.
   */
  place(page: number, level: number, newTable: () => Frame | undefined, tableFlags: number): EntryPlace | undefined {
    const high = Math.floor(page / LOW_SPAN);
    const low = page - high * LOW_SPAN;
    let table = this.#memory.frame(this.root);
    for (let at = this.levels; at > level; at--) {
      const index = at > 3 ? (high >>> (9 * at - 36)) & 511 : (low >>> (9 * at - 9)) & 511;
      const flags = table.entryFlags(index);
      if (isPresent(flags)) {
        if ((flags & LARGE) !== 0) throw new ModelBug(`page 0x${page.toString(16)} lies inside a large leaf`);
        table = this.#memory.frame(table.entryFrame(index));
        continue;
      }
      const made = newTable();
      if (made === undefined) return undefined;
      made.fillAll(0);
      table.setEntry(index, made.number, tableFlags);
      table = made;
    }
    return { table, index: PageTable.indexAt(page, level), level };
  }

  /** Every leaf of the tree in address order, with the first page it maps. */
  *leaves(): Generator<Leaf> {
    yield* this.#leavesOf(this.#memory.frame(this.root), this.levels, 0);
  }

  /** The frame of a 4 KiB leaf, or {@link NOT_MAPPED}. Nothing is allocated on the way. */
  frameOf(page: number): number {
    const table = this.lowestTable(page);
    if (table === undefined) return NOT_MAPPED;
    const index = page % 512;
    return isPresent(table.entryFlags(index)) ? table.entryFrame(index) : NOT_MAPPED;
  }

  /** The table that holds the 4 KiB entry of a page, or undefined where the walk ends above. */
  lowestTable(page: number): Frame | undefined {
    const high = Math.floor(page / LOW_SPAN);
    const low = page - high * LOW_SPAN;
    let table = this.#memory.frame(this.root);
    for (let level = this.levels; level > 1; level--) {
      const index = level > 3 ? (high >>> (9 * level - 36)) & 511 : (low >>> (9 * level - 9)) & 511;
      const flags = table.entryFlags(index);
      if (!isPresent(flags) || (flags & LARGE) !== 0) return undefined;
      table = this.#memory.frame(table.entryFrame(index));
    }
    return table;
  }

  /** Calls `visit` with every table of the lowest level that may hold entries of pages in [first, end), in order; empty ones are passed over. */
  eachLowestTable(first: number, end: number, visit: (table: Frame, firstPage: number) => void): void {
    for (let page = first; page < end; ) {
      const { table, index, level } = this.walk(page);
      const span = pagesAtLevel(Math.max(level, 2));
      const from = page - (page % span);
      if (level === 1 && table.uniformByte !== 0) visit(table, from);
      page = from + span;
      // Entries that are not present are passed over in their own table, without another walk.
      for (let at = index + 1; level > 1 && at < 512 && page < end && table.word(2 * at) === 0; at++) page += span;
    }
  }

  /** How many tables are missing for 4 KiB leaves to be put at every page of [first, end). */
  missingTables(first: number, end: number): number {
    let missing = 0;
    for (let page = first; page < end; ) {
      const { level } = this.walk(page);
      const next = Math.min(end, firstPageOf(page, Math.max(level, 2)) + pagesAtLevel(Math.max(level, 2)));
      for (let below = level; below > 1; below--) {
        const span = pagesAtLevel(below);
        missing += Math.floor((next - 1) / span) - Math.floor(page / span) + 1;
      }
      page = next;
    }
    return missing;
  }

  *#leavesOf(table: Frame, level: number, firstPage: number): Generator<Leaf> {
    for (let index = 0; index < 512; index++) {
      const flags = table.entryFlags(index);
      if (!isPresent(flags)) continue;
      const page = canonicalPage(firstPage + index * pagesAtLevel(level), this.levels);
      const frame = table.entryFrame(index);
      if (level === 1 || (flags & LARGE) !== 0) {
        yield { table, index, level: level as LeafLevel, flags, frame, firstPage: page };
      } else {
        yield* this.#leavesOf(this.#memory.frame(frame), level - 1, page);
      }
    }
  }
}

/** What {@link PageTable.frameOf} answers where no 4 KiB leaf is. */
export const NOT_MAPPED = -1;

/** Pages that the three lowest levels span: below it page numbers fit 32-bit arithmetic, which is several times faster. */
const LOW_SPAN = 2 ** 27;

/** A present entry that maps memory. */
export interface Leaf extends EntryPlace {
  readonly level: LeafLevel;
  readonly flags: number;
  /** The first frame it maps. */
  readonly frame: number;
  /** The first page it maps. */
  readonly firstPage: number;
}

/** The first page of the leaf of a level that holds the page. */
export function firstPageOf(page: number, level: number): number {
  return page - (page % pagesAtLevel(level));
}

/** Sign-extends a page number of 9 bits a level to the 52 bits of a canonical address. */
export function canonicalPage(page: number, levels: number): number {
  const span = 512 ** levels;
  const low = page % span;
  return low >= span / 2 ? 2 ** 52 - span + low : low;
}
