import type { Journal, Undoable } from '../../../base/journal.ts';
import type { Frame } from '../../machine/frame.ts';
import type { Machine } from '../../machine/machine.ts';
import type { AddressSpace } from '../../machine/mmu.ts';
import { ACCESSED, DIRTY, NO_EXECUTE, PRESENT, USER, USER_TABLE, WRITABLE } from '../../machine/page-table-entry.ts';
import type { PageReferences } from './page-references.ts';
import { AreaList, PROT_EXEC, PROT_WRITE, type VmArea, type VmAreaCache } from './vm-area.ts';

/** `_PAGE_PROTNONE`, the global bit of an entry that is not present: the page is there, and nobody may touch it. */
export const PROT_NONE_ENTRY = 0x100;
/** TASK_SIZE on x86-64 with four levels, in pages: the last page of the lower half is left free. */
export const TASK_PAGES = 2 ** 35 - 1;
/** vm.mmap_min_addr, in pages. */
export const LOWEST_HINT_PAGE = 16;
/** Where a search from the top begins; stack and libraries of a real process lie above. No ASLR. */
const SEARCH_TOP_PAGE = 0x7_ffff_7000;

/** What every process of one machine shares. */
export interface ProcessSurroundings {
  readonly journal: Journal;
  readonly machine: Machine;
  readonly references: PageReferences;
  readonly areaCache: VmAreaCache;
  /** Pages of memory and swap: what one private writable mapping may ask for at most. */
  readonly committablePages: number;
  /** Whether the file system behind anonymous inodes forbids PROT_EXEC (SB_I_NOEXEC, 2025). */
  readonly anonymousInodesNoExec: boolean;
  /** Whether one mremap() may move several areas, which therefore looks at the whole range first (6.17). */
  readonly movesManyAreas: boolean;
}

/**
 * A process's address space: its areas in address order and its user page tables. Left out: the stack, the heap and the
 * libraries (nothing maps there), and freeing of page tables before exit, which changes no translation.
 *
 * In the journal a process is the owner of each change of an entry: the key is the page.
 */
export class Process implements Undoable {
  readonly number: number;
  readonly surroundings: ProcessSurroundings;
  readonly space: AddressSpace;
  /** Faults under way: each holds mmap_lock for reading, so nothing that changes areas can run. */
  faultsInFlight = 0;
  /** Set by exit. */
  exited = false;
  readonly #areas: AreaList;

  constructor(surroundings: ProcessSurroundings, number: number) {
    this.number = number;
    this.surroundings = surroundings;
    const { machine, journal } = surroundings;
    this.space = { id: number, kernel: machine.kernelTables, user: machine.newPageTable() };
    this.#areas = new AreaList(journal);
  }

  get areas(): readonly VmArea[] {
    return this.#areas.items;
  }

  /** find_vma_intersection(): the first area with a page in [first, end). */
  areaIn(first: number, end: number): VmArea | undefined {
    const areas = this.#areas.items;
    for (let index = 0; index < areas.length; index++) {
      const area = areas[index]!;
      if (area.end > first) return area.first < end ? area : undefined;
    }
    return undefined;
  }

  areaAt(page: number): VmArea | undefined {
    return this.areaIn(page, page + 1);
  }

  insert(area: VmArea): void {
    const index = this.#areas.items.findIndex(({ first }) => first > area.first);
    this.#areas.insert(index < 0 ? this.#areas.length : index, area);
  }

  /** Takes an area away with all its pages and tells its owner. The caller frees the object. */
  remove(area: VmArea): void {
    this.zap(area.first, area.end);
    area.operations?.closed(area);
    this.#areas.remove(this.#areas.items.indexOf(area));
  }

  /**
   * __split_vma(): cuts an area in two. The new object is the lower or the upper part, as the caller asks; the old one
   * keeps the rest. The caller has asked whether the area may be split.
   */
  split(area: VmArea, page: number, newPart: 'lower' | 'upper'): void {
    const { first, end, filePage } = area;
    const part = newPart === 'lower' ? { first, end: page } : { first: page, end };
    const made = this.surroundings.areaCache.duplicate(area, this, part);
    area.change(newPart === 'lower' ? { first: page, filePage: filePage + (page - first) } : { end: page });
    made.operations?.opened(made);
    this.insert(made);
  }

  /**
   * vm_unmapped_area(), top down: the highest gap of so many pages. Without address-space randomisation: a trace that
   * wants another place gives it as a hint.
   */
  searchGap(pageCount: number): number | undefined {
    let end = SEARCH_TOP_PAGE;
    for (let index = this.#areas.length - 1; index >= 0; index--) {
      const area = this.#areas.items[index] as VmArea;
      if (end - area.end >= pageCount) break;
      end = Math.min(end, area.first);
    }
    return end - pageCount >= LOWEST_HINT_PAGE ? end - pageCount : undefined;
  }

  /** exit_mmap(): every area goes, the lowest first. */
  end(): void {
    const areas = [...this.#areas.items];
    for (const area of areas) this.remove(area);
    for (const area of areas) this.surroundings.areaCache.free(area);
    this.surroundings.journal.set(this as Process, 'exited', true);
  }

  /** dup_mmap() into a fresh process: areas that are not VM_DONTCOPY, without their entries, which fault in again. */
  forkInto(child: Process): void {
    for (const area of this.#areas.items) {
      if (area.dontCopy) continue;
      const copy = this.surroundings.areaCache.duplicate(area, child, area);
      copy.operations?.opened(copy);
      child.insert(copy);
    }
  }

  /** The frame that is present at a page, or {@link NOT_MAPPED}. */
  presentFrame(page: number): number {
    return this.#tables.frameOf(page);
  }

  /** Whether the page has an entry, present or not. */
  hasEntry(page: number): boolean {
    const table = this.#tables.lowestTable(page);
    return table !== undefined && table.word(2 * (page % 512)) !== 0;
  }

  /** Puts an entry for a page whose reference the caller has taken. False when there is no frame for a table. */
  install(area: VmArea, page: number, frame: number): boolean {
    const table = this.#tables.lowestTable(page) ?? this.#newTable(page);
    if (table === undefined) return false;
    table.setEntry(page % 512, frame, entryFlags(area.rights));
    this.surroundings.journal.record(this, page, undefined);
    return true;
  }

  /** Gives the entries of [first, end) the rights of an area: change_protection(). */
  protect(first: number, end: number, rights: number): void {
    this.eachEntry(first, end, (table, index) => {
      table.setEntry(index, table.entryFrame(index), entryFlags(rights));
    });
    this.#flush(first, end);
  }

  /** zap_page_range(): removes the entries of [first, end), then flushes, then drops the references. */
  zap(first: number, end: number): void {
    const frames: number[] = [];
    this.eachEntry(first, end, (table, index, page) => {
      frames.push(table.entryFrame(index));
      table.setEntry(index, 0, 0);
      this.surroundings.journal.record(this, page, undefined);
    });
    if (frames.length === 0) return;
    this.#flush(first, end);
    for (const frame of frames) this.surroundings.references.drop(frame);
  }

  /** Calls `visit` for every entry of [first, end) that holds a page. */
  eachEntry(first: number, end: number, visit: (table: Frame, index: number, page: number) => void): void {
    this.#tables.eachLowestTable(first, end, (table, firstPage) => {
      const from = Math.max(first, firstPage);
      const to = Math.min(end, firstPage + 512);
      for (let page = from; page < to; page++) {
        const index = page - firstPage;
        if (table.word(2 * index) !== 0) visit(table, index, page);
      }
    });
  }

  /** Takes a field back. An entry is its table's affair; the record only says that it changed. */
  undo(key: unknown, old: unknown): void {
    if (key === 'exited') this.exited = old as boolean;
    else if (key === 'faultsInFlight') this.faultsInFlight = old as number;
  }

  get #tables() {
    return this.space.user as NonNullable<AddressSpace['user']>;
  }

  #newTable(page: number): Frame | undefined {
    const newTable = () => this.surroundings.machine.memory.allocate('page-table');
    return this.#tables.place(page, 1, newTable, USER_TABLE)?.table;
  }

  #flush(first: number, end: number): void {
    for (const cpu of this.surroundings.machine.cpus) cpu.mmu.tlb.flushRange(first, end, this.space.id);
  }
}

/** The entry that mm installs for a shared mapping: accessed and dirty from the start where it may be written. */
function entryFlags(rights: number): number {
  if (rights === 0) return PROT_NONE_ENTRY | ACCESSED | NO_EXECUTE;
  const writable = (rights & PROT_WRITE) !== 0 ? WRITABLE | DIRTY : 0;
  return PRESENT | USER | ACCESSED | writable | ((rights & PROT_EXEC) !== 0 ? 0 : NO_EXECUTE);
}
