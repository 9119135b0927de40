import { PAGE_SIZE } from '../base/page.ts';
import { pagesAtLevel } from '../model/machine/page-table.ts';
import { isExecutable, isPresent, isWritable } from '../model/machine/page-table-entry.ts';
import type { World } from '../model/world.ts';

/** Entries of the direct map by the size of what they map. */
export interface DirectMapLeaves {
  readonly leaves4K: number;
  readonly leaves2M: number;
  readonly leaves1G: number;
}

/** Executable memory in the module window, as the page tables show it. */
export interface MappedText {
  /** Bytes that are executable, in use or not. */
  readonly bytes: number;
  /** Leaves that map them: what an instruction TLB has to hold. */
  readonly leaves4K: number;
  readonly leaves2M: number;
  /** Leaves that are writable as well. */
  readonly writableLeaves: number;
}

export function directMapLeaves({ directMap: { counts } }: World): DirectMapLeaves {
  return { leaves4K: counts[1], leaves2M: counts[2], leaves1G: counts[3] };
}

/** Large leaves of the direct map that were split so far, of either size. */
export const splits = ({ directMap: { events } }: World): number => events.splits2 + events.splits3;

/**
 * Walks the page tables of the module window's areas. Where the end of the kernel's last text page serves requests, it counts as
 * memory and as no leaf: the kernel's own text has that leaf already.
 */
export function mappedText({ vmalloc, sharing, layout: { modules }, machine: { kernelTables } }: World): MappedText {
  const { start, end: past } = sharing.shared.tail ?? { start: 0, end: 0 };
  const found = { bytes: past - start, leaves4K: 0, leaves2M: 0, writableLeaves: 0 };
  for (const { firstPage, pageCount } of vmalloc.areas) {
    if (firstPage < modules.first || firstPage >= modules.end) continue;
    const end = firstPage + pageCount;
    for (let page = firstPage; page < end; ) {
      const { table, index, level } = kernelTables.walk(page);
      const flags = table.entryFlags(index);
      const past = Math.min(end, page + pagesAtLevel(level) - (page % pagesAtLevel(level)));
      if (isPresent(flags) && isExecutable(flags)) {
        found.bytes += (past - page) * PAGE_SIZE;
        found[level === 1 ? 'leaves4K' : 'leaves2M']++;
        if (isWritable(flags)) found.writableLeaves++;
      }
      page = past;
    }
  }
  return found;
}
