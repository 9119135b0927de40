import { PAGES_PER_2M } from '../../base/page.ts';
import type { Machine } from '../machine/machine.ts';
import { isPresent, KERNEL_TABLE, LARGE } from '../machine/page-table-entry.ts';
import type { FailurePlan } from './failing.ts';
import { flushTlbKernelRange } from './tlb-flush.ts';

/** Puts vmalloc areas into the kernel's tables and takes them out again (mm/vmalloc.c: vmap_range(), vunmap_range()). */
export class VmMapping {
  readonly #machine: Machine;
  readonly #failing: FailurePlan;

  constructor(machine: Machine, failing: FailurePlan) {
    this.#machine = machine;
    this.#failing = failing;
  }

  /**
   * Maps frames at consecutive pages with the given flags. False when a table could not be had: a prefix is mapped then.
   *
   * @param leafPages 1, or 512 where every 512 frames are one aligned block
   */
  map(firstPage: number, frames: readonly number[], leafPages: 1 | 512, flags: number): boolean {
    this.#machine.countRights(flags);
    for (let index = 0; index < frames.length; index += leafPages) {
      const page = firstPage + index;
      const mapped =
        leafPages === 1 ? this.#mapSmall(page, frames[index]!, flags) : this.#mapLarge(page, frames[index]!, flags);
      if (!mapped) return false;
    }
    return true;
  }

  /** Clears every entry of the range; nothing is flushed, and tables that became empty stay, as in the kernel. */
  unmap(firstPage: number, pageCount: number): void {
    const { kernelTables } = this.#machine;
    const end = firstPage + pageCount;
    for (let page = firstPage; page < end; ) {
      const { table, index, level } = kernelTables.walk(page);
      if (table.word(2 * index) !== 0 || table.word(2 * index + 1) !== 0) table.setEntry(index, 0, 0);
      page += level === 1 ? 1 : PAGES_PER_2M - (page % PAGES_PER_2M);
    }
  }

  /** vunmap_range(): clears the range, and every CPU forgets it. */
  unmapAndFlush(firstPage: number, pageCount: number): void {
    this.unmap(firstPage, pageCount);
    flushTlbKernelRange(this.#machine, firstPage, firstPage + pageCount);
  }

  /** pmd_free_pte_page(): CPUs forget the table before it goes back to the page allocator. */
  retireEmptyTable(page: number, table: number): void {
    flushTlbKernelRange(this.#machine, page, page + 1);
    this.#machine.memory.free(table);
  }

  #mapSmall(page: number, frame: number, flags: number): boolean {
    const place = this.#machine.kernelTables.place(page, 1, this.#newTable, KERNEL_TABLE);
    if (place === undefined) return false;
    place.table.setEntry(place.index, frame, flags);
    return true;
  }

  /** A table of small entries that an earlier area left empty gives way to the large leaf. */
  #mapLarge(page: number, firstFrame: number, flags: number): boolean {
    const place = this.#machine.kernelTables.place(page, 2, this.#newTable, KERNEL_TABLE);
    if (place === undefined) return false;
    const { table, index } = place;
    if (isPresent(table.entryFlags(index))) {
      const empty = table.entryFrame(index);
      table.setEntry(index, 0, 0);
      this.retireEmptyTable(page, empty);
    }
    table.setEntry(index, firstFrame, flags | LARGE);
    return true;
  }

  readonly #newTable = () =>
    this.#failing.next('page table') ? undefined : this.#machine.memory.allocate('page-table');
}
