import type { Journal, Undoable } from '../../base/journal.ts';
import type { FailurePlan } from '../kernel/failing.ts';
import { flushTlbKernelRange } from '../kernel/tlb-flush.ts';
import type { Machine } from '../machine/machine.ts';
import { KERNEL_DATA, KERNEL_TABLE } from '../machine/page-table-entry.ts';
import { HALF_GUARD_PAGES, SLOTS_PER_WINDOW } from './arena-address.ts';

/** Pages of the whole area: the lower half guard, 4 GiB, the upper half guard. */
export const WINDOW_PAGES = SLOTS_PER_WINDOW + 2 * HALF_GUARD_PAGES;

/** What a window needs of the kernel around it. */
interface WindowSurroundings {
  readonly journal: Journal;
  readonly machine: Machine;
  readonly failing: FailurePlan;
}

/**
 * The arena's kernel mapping: a sparse vmalloc area (mm/vmalloc.c:vm_area_map_pages()) whose pages come and go one by
 * one. An index counts pages from kern_vm_start: 0 to 2^20 - 1 is the band of 4 GiB, the eight pages below and above are
 * the guards. Page tables stay once they are made, as the kernel's do.
 *
 * In the journal a window is the owner of its own changes: the key is an index whose entry changed, the old value by how
 * much the number of pages grew.
 */
export class ArenaWindow implements Undoable {
  /** The page number of kern_vm_start. */
  readonly first: number;
  readonly #machine: Machine;
  readonly #journal: Journal;
  readonly #failing: FailurePlan;
  #populated = 0;

  /** @param areaFirst the first page of the area; it is {@link WINDOW_PAGES} long */
  constructor({ journal, machine, failing }: WindowSurroundings, areaFirst: number) {
    this.#journal = journal;
    this.#machine = machine;
    this.#failing = failing;
    this.first = areaFirst + HALF_GUARD_PAGES;
  }

  /** Pages that are mapped now. */
  get populated(): number {
    return this.#populated;
  }

  /** The frame at an index, or undefined. */
  frameAt(index: number): number | undefined {
    return this.#machine.kernelTables.translate(this.first + index)?.frame;
  }

  /** vm_area_map_pages() refuses with -ERANGE what would reach past the upper guard. */
  reaches(index: number, count: number): boolean {
    return index + count <= SLOTS_PER_WINDOW + HALF_GUARD_PAGES;
  }

  /** Maps one page, which must be absent; false when there is no memory for a table. */
  map(index: number, frame: number): boolean {
    const place = this.#place(index);
    if (place === undefined) return false;
    place.table.setEntry(place.index, frame, KERNEL_DATA);
    this.#count(index, 1);
    return true;
  }

  /** Makes the tables of the band without any page: populate_pgtable_except_pte(). False when memory ran out. */
  build(): boolean {
    for (let index = 0; index < SLOTS_PER_WINDOW; index += 512 - ((this.first + index) % 512)) {
      if (this.#place(index) === undefined) return false;
    }
    return true;
  }

  /** Where arena_map_free() stops looking for pages: the end of the band. */
  freedEnd(): number {
    return SLOTS_PER_WINDOW;
  }

  /** remove_vm_area(): the whole area loses its entries. */
  clearAll(): void {
    this.eachPresent(-HALF_GUARD_PAGES, SLOTS_PER_WINDOW + HALF_GUARD_PAGES, (index) => {
      this.clear(index);
    });
  }

  /** Removes one entry and tells which frame it held; the caller flushes. */
  clear(index: number): number | undefined {
    const { table, index: at, level } = this.#machine.kernelTables.walk(this.first + index);
    if (level > 1 || table.word(2 * at) === 0) return undefined;
    const frame = table.entryFrame(at);
    table.setEntry(at, 0, 0);
    this.#count(index, -1);
    return frame;
  }

  /** Calls `visit` for each page present in [from, to), in order. It may clear the page it is shown. */
  eachPresent(from: number, to: number, visit: (index: number, frame: number) => void): void {
    if (this.#populated === 0) return;
    const [first, end] = [this.first + from, this.first + to];
    this.#machine.kernelTables.eachLowestTable(first, end, (table, firstPage) => {
      for (let page = Math.max(first, firstPage); page < Math.min(end, firstPage + 512); page++) {
        const at = page - firstPage;
        if (table.word(2 * at) !== 0) visit(page - this.first, table.entryFrame(at));
      }
    });
  }

  /** flush_tlb_kernel_range() over [from, to). */
  flush(from: number, to: number): void {
    flushTlbKernelRange(this.#machine, this.first + from, this.first + to);
  }

  #place(index: number) {
    const newTable = () => (this.#failing.next('page table') ? undefined : this.#machine.memory.allocate('page-table'));
    return this.#machine.kernelTables.place(this.first + index, 1, newTable, KERNEL_TABLE);
  }

  /** The entries themselves are the tables' affair. */
  undo(_index: unknown, grown: unknown): void {
    this.#populated -= grown as number;
  }

  #count(index: number, grown: number): void {
    this.#journal.record(this, index, grown);
    this.#populated += grown;
  }
}
