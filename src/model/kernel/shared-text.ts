import type { Range, RangeTree } from '../../base/range-tree.ts';
import { textAddress } from './text-address.ts';
import type { VmArea } from './vmalloc.ts';

/** Text that somebody holds. */
export interface BusyText extends Range {
  /** Freed, but its memory could not be given back yet: the mark 0x800 in the stored pointer (6.17). */
  readonly pending?: boolean;
}

/**
 * What every allocator that shares executable memory among users has: ranges in use, ranges to be had, and the memory behind
 * both. Addresses are those of text: see {@link TextAddress}.
 */
export interface SharedText {
  readonly busy: RangeTree<BusyText>;
  readonly free: RangeTree<Range>;
  /** Areas that back it, in the order in which the allocator looks at them. */
  readonly blocks: { readonly items: readonly VmArea[] };
  /** The byte that memory holds when it is made, before any of it was used. */
  readonly freshByte: number;
  /** Text that serves requests and lies in no block: the end of the kernel's own last text page. */
  readonly tail?: Range | undefined;
}

/** Adds a range and merges it with the neighbours that it touches. Returns what came of it. */
export function insertMerged(tree: RangeTree<Range>, { start, end }: Range): Range {
  const below = tree.lastFrom(start);
  const above = tree.firstFrom(end);
  const merged = {
    start: below?.end === start ? below.start : start,
    end: above?.start === end ? above.end : end,
  };
  if (merged.start !== start) tree.remove(merged.start);
  if (merged.end !== end) tree.remove(end);
  tree.insert(merged);
  return merged;
}

/** The text that a block holds. */
export function extentOf({ firstPage, pageCount }: Pick<VmArea, 'firstPage' | 'pageCount'>): Range {
  return { start: textAddress(firstPage), end: textAddress(firstPage + pageCount) };
}
