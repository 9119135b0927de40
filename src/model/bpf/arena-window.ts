import type { Journal, Undoable } from '../../base/journal.ts';
import type { FailurePlan } from '../kernel/failing.ts';
import { flushTlbKernelRange } from '../kernel/tlb-flush.ts';
import type { Frame } from '../machine/frame.ts';
import type { Machine } from '../machine/machine.ts';
import { NOT_MAPPED } from '../machine/page-table.ts';
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
  /** Tables that were made and hold nothing yet. */
  readonly #promised = { tables: 0 };
  /** The frame that stands in for pages which kernel code touches and nobody has populated; it does not count as populated. */
  scratch: number | undefined;

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
    const frame = this.#machine.kernelTables.frameOf(this.first + index);
    return frame === NOT_MAPPED ? undefined : frame;
  }

  /** vm_area_map_pages() refuses with -ERANGE what would reach past the upper guard. */
  reaches(index: number, count: number): boolean {
    return index + count <= SLOTS_PER_WINDOW + HALF_GUARD_PAGES;
  }

  /**
   * Maps one page where none is, or where the scratch page stands in; false when there is no memory for a table. That the entry
   * of the scratch page is flushed when it is replaced is assumed: the sources read do not show it.
   */
  map(index: number, frame: number): boolean {
    const page = this.first + index;
    const table = this.#machine.kernelTables.lowestTable(page) ?? this.#newTable(page);
    if (table === undefined) return false;
    const replaces = table.word(2 * (page % 512)) !== 0;
    table.setEntry(page % 512, frame, KERNEL_DATA);
    this.#count(index, frame === this.scratch ? 0 : 1);
    if (replaces) this.flush(index, index + 1);
    return true;
  }

  /**
   * Makes the tables of the band without any page: populate_pgtable_except_pte(). False when memory ran out. There are some
   * two thousand; nobody can tell an empty one from one that is made when its first page comes, so memory keeps their frames.
   */
  build(): boolean {
    const tables = this.#machine.kernelTables.missingTables(this.first, this.first + SLOTS_PER_WINDOW);
    if (this.#failing.nextOf('page table', tables) || !this.#machine.memory.promise(tables)) return false;
    this.#journal.set(this.#promised, 'tables', tables);
    return true;
  }

  /** The area is gone: tables that never held a page are nobody's. */
  forgoTables(): void {
    this.#machine.memory.forgoPromised(this.#promised.tables);
    if (this.#promised.tables > 0) this.#journal.set(this.#promised, 'tables', 0);
  }

  /** Where arena_map_free() stops looking for pages: the end of the band, or since there is a scratch page of the guard. */
  freedEnd(): number {
    return this.scratch === undefined ? SLOTS_PER_WINDOW : SLOTS_PER_WINDOW + HALF_GUARD_PAGES;
  }

  /** remove_vm_area(): the whole area loses its entries. */
  clearAll(): void {
    this.eachPresent(-HALF_GUARD_PAGES, SLOTS_PER_WINDOW + HALF_GUARD_PAGES, (index) => {
      this.clear(index);
    });
  }

  /** Removes one entry and tells which frame it held; the caller flushes. */
  clear(index: number): number | undefined {
    const page = this.first + index;
    const table = this.#machine.kernelTables.lowestTable(page);
    const at = page % 512;
    if (table === undefined || table.word(2 * at) === 0) return undefined;
    const frame = table.entryFrame(at);
    table.setEntry(at, 0, 0);
    this.#count(index, frame === this.scratch ? 0 : -1);
    return frame;
  }

  /** Calls `visit` for each page present in [from, to), in order. It may clear the page it is shown. */
  eachPresent(from: number, to: number, visit: (index: number, frame: number) => void): void {
    if (this.#populated === 0 && this.scratch === undefined) return;
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

  /** The table for the entry of a page, and those above it. */
  #newTable(page: number): Frame | undefined {
    const { memory, kernelTables } = this.#machine;
    const make = () => {
      const { tables } = this.#promised;
      if (tables === 0) return this.#failing.next('page table') ? undefined : memory.allocate('page-table');
      this.#journal.set(this.#promised, 'tables', tables - 1);
      return memory.allocatePromised('page-table');
    };
    return kernelTables.place(page, 1, make, KERNEL_TABLE)?.table;
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
