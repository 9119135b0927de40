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

/** The text that a block holds. */
export function extentOf({ firstPage, pageCount }: Pick<VmArea, 'firstPage' | 'pageCount'>): Range {
  return { start: textAddress(firstPage), end: textAddress(firstPage + pageCount) };
}
