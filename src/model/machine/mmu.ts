import type { Frame } from './frame.ts';
import { firstPageOf, type Leaf, type LeafLevel, PageTable } from './page-table.ts';
import { ACCESSED, DIRTY, isExecutable, isPresent, isWritable, LARGE, USER } from './page-table-entry.ts';
import type { PhysicalMemory } from './physical-memory.ts';
import { isCanonical, isKernelPage, type Tlb } from './tlb.ts';

/** What an access wants of a page: bit 0 write, bit 1 instruction fetch, bit 2 from user mode. */
export type Access = number;
export const READ: Access = 0;
export const WRITE: Access = 1;
export const FETCH: Access = 2;
export const FROM_USER: Access = 4;

/**
 * Page-fault error code (SDM vol. 3A, 6.15): bit 0 set when a present entry forbade the access, bit 1 write, bit 2 user
 * mode, bit 4 instruction fetch. Reserved-bit faults cannot happen: only the model writes its tables.
 */
export const FAULT_PROTECTION = 1;
export const FAULT_WRITE = 2;
export const FAULT_USER = 4;
export const FAULT_FETCH = 16;

/** Returned for a page that is not canonical: #GP instead of a page fault. */
export const NOT_CANONICAL = -1;

/** An address space as a CPU sees it: the tables of its kernel half and of its user half. */
export interface AddressSpace {
  /** 0 for a kernel thread, which has no user half. */
  readonly id: number;
  readonly kernel: PageTable;
  readonly user: PageTable | undefined;
}

/**
 * The memory-management unit of one CPU. An access uses a cached translation where there is one, even a stale one;
 * otherwise it walks the tables in memory and caches what it found. CR0.WP, CR4.PGE and EFER.NXE are on; PCIDs, PKU, SMAP
 * and SMEP are left out: no kernel path that roxcheck models reaches user pages from kernel mode by address.
 */
export class Mmu {
  readonly tlb: Tlb;
  readonly #memory: PhysicalMemory;

  constructor(memory: PhysicalMemory, tlb: Tlb) {
    this.#memory = memory;
    this.tlb = tlb;
  }

  /**
   * The number of the frame behind a page, or a negative answer: {@link NOT_CANONICAL}, or minus two minus the page-fault
   * error code (see {@link faultCodeOf}). Nothing is allocated on the good path.
   */
  translate(space: AddressSpace, page: number, access: Access): number {
    const cached = this.tlb.lookup(page, isKernelPage(page) ? 0 : space.id);
    if (
      cached !== undefined &&
      allows(cached.flags, access) &&
      !((access & WRITE) !== 0 && (cached.flags & DIRTY) === 0)
    ) {
      return cached.frame + (page - cached.firstPage);
    }
    return this.#walk(space, page, access);
  }

  /** Caches the translation of a page without using it, as hardware may at any time. False when there is none. */
  speculate(space: AddressSpace, page: number): boolean {
    const leaf = isCanonical(page, space.kernel.levels) ? this.#find(space, page) : undefined;
    if (leaf !== undefined) this.#cache(space, leaf, leaf.flags);
    return leaf !== undefined;
  }

  /** Walks the tables. A cached entry that forbade the access does not decide: hardware walks again before it faults. */
  #walk(space: AddressSpace, page: number, access: Access): number {
    if (!isCanonical(page, space.kernel.levels)) return NOT_CANONICAL;
    const leaf = this.#find(space, page);
    if (leaf === undefined) return faultAnswer(access, 0);
    if (!allows(leaf.flags, access)) return faultAnswer(access, FAULT_PROTECTION);
    const flags = leaf.flags | ACCESSED | ((access & WRITE) !== 0 ? DIRTY : 0);
    if (flags !== leaf.flags) leaf.table.setEntry(leaf.index, leaf.frame, flags);
    this.#cache(space, leaf, flags);
    return leaf.frame + (page - leaf.firstPage);
  }

  /** The leaf of a page; the tables on the way to it are cached. */
  #find(space: AddressSpace, page: number): Leaf | undefined {
    const kernel = isKernelPage(page);
    const tables = kernel ? space.kernel : space.user;
    if (tables === undefined) return undefined;
    let table: Frame = this.#memory.frame(tables.root);
    for (let level = tables.levels; ; level--) {
      const index = PageTable.indexAt(page, level);
      const flags = table.entryFlags(index);
      if (!isPresent(flags)) return undefined;
      const frame = table.entryFrame(index);
      if (level === 1 || (flags & LARGE) !== 0) {
        return { table, index, level: level as LeafLevel, flags, frame, firstPage: firstPageOf(page, level) };
      }
      this.tlb.insertTable(page, level - 1, frame, kernel ? 0 : space.id);
      table = this.#memory.frame(frame);
    }
  }

  #cache(space: AddressSpace, { firstPage, level, frame }: Leaf, flags: number): void {
    this.tlb.insert({
      kind: 'translation',
      firstPage,
      level,
      frame,
      flags,
      space: isKernelPage(firstPage) ? 0 : space.id,
    });
  }
}

/** The page-fault error code in a negative answer of {@link Mmu.translate}. */
export const faultCodeOf = (answer: number): number => -2 - answer;

function faultAnswer(access: Access, protection: number): number {
  const code =
    protection |
    ((access & WRITE) !== 0 ? FAULT_WRITE : 0) |
    ((access & FETCH) !== 0 ? FAULT_FETCH : 0) |
    ((access & FROM_USER) !== 0 ? FAULT_USER : 0);
  return -2 - code;
}

function allows(flags: number, access: Access): boolean {
  if ((access & WRITE) !== 0 && !isWritable(flags)) return false;
  if ((access & FETCH) !== 0 && !isExecutable(flags)) return false;
  return (access & FROM_USER) === 0 || (flags & USER) !== 0;
}
