import { addressOf } from '../../base/page.ts';
import { type LeafPages, type LeafRun, LeafRuns, type Rights } from './leaf-run.ts';
import type { PageTableRoots } from './page-table-roots.ts';

/**
 * Walks the page tables of the running kernel, of four or five levels: one address, or all of the upper half. An entry of
 * level 2 or 3 with bit 7 is a leaf (SDM vol. 3A, section 5.5); a 512 GiB leaf does not exist.
 *
 * Tables change while they are read. A table that is freed under the walk shows what its frame holds next, so what
 * looks wrong must be looked at again by {@link PageWalk.leafAt} before it is believed.
 */
export class PageWalk {
  readonly #memory: TableMemory;
  readonly roots: PageTableRoots;
  readonly #frameCount: number;

  constructor(memory: TableMemory, roots: PageTableRoots) {
    this.#memory = memory;
    this.roots = roots;
    this.#frameCount = 2 ** (roots.physicalBits - 12);
  }

  /** The leaf that maps a page, undefined where none does. */
  leafAt(page: number): LeafRun | undefined {
    let table = this.roots.top;
    let rights: Rights = { writable: true, executable: true };
    for (let level: number = this.roots.levels; ; level--) {
      const span = ENTRIES ** (level - 1);
      const word = this.#memory.word(table + BigInt((Math.floor(page / span) % ENTRIES) * 8));
      if (word === undefined) return undefined;
      const entry = this.#decode(Number(word & 0xffff_ffffn), Number(word >> 32n), level);
      if (entry === undefined) return undefined;
      rights = both(rights, entry);
      if (entry.isLeaf) {
        const first = page - (page % span);
        return {
          page: first,
          frame: alignedTo(span, entry.frame),
          leafPages: span as LeafPages,
          leafCount: 1,
          ...rights,
        };
      }
      table = this.#tableAt(entry.frame);
    }
  }

  /** Calls `visit` with each page of [first, end) that is mapped by a leaf of 4 KiB, in their order. */
  eachMappedPage(first: number, end: number, visit: (page: number) => void): void {
    this.#visit(this.roots.top, this.roots.levels, first, end, visit);
  }

  /** Reads no more of a table than lies in the range: campaigns do this after every step. */
  #visit(table: bigint, level: number, first: number, end: number, visit: (page: number) => void): void {
    const span = ENTRIES ** (level - 1);
    const begin = first - (first % (span * ENTRIES));
    const firstIndex = Math.floor((first - begin) / span);
    const count = Math.min(ENTRIES, Math.ceil((end - begin) / span)) - firstIndex;
    const halves = this.#memory.halvesAt(table + BigInt(8 * firstIndex), count);
    if (halves === undefined) return;
    const below: { readonly page: number; readonly table: bigint }[] = [];
    for (let index = 0; index < count; index++) {
      const low = halves[2 * index]!;
      if ((low & PRESENT) === 0) continue;
      const page = begin + (firstIndex + index) * span;
      if (level === 1) {
        visit(page);
        continue;
      }
      const entry = this.#decode(low, halves[2 * index + 1]!, level);
      if (entry !== undefined && !entry.isLeaf) below.push({ page, table: this.#tableAt(entry.frame) });
    }
    // Only now, because the next read overwrites what this one has shown.
    for (const { page, table: next } of below) {
      this.#visit(next, level - 1, Math.max(first, page), Math.min(end, page + span), visit);
    }
  }

  /** Every leaf of the upper half, in the order of addresses. */
  kernelLeaves(): KernelLeaves {
    const { top, levels } = this.roots;
    const found: Found = { leaves: new LeafRuns(), seen: new Set(), tableCount: 0, repeatedTableCount: 0 };
    const firstKernelPage = 2 ** 52 - (ENTRIES / 2) * ENTRIES ** (levels - 1);
    this.#collect(found, top, levels, firstKernelPage, { writable: true, executable: true }, ENTRIES / 2);
    const { leaves, tableCount, repeatedTableCount } = found;
    return { runs: leaves.runs, leafCount: leaves.leafCount, tableCount, repeatedTableCount };
  }

  #collect(found: Found, table: bigint, level: number, firstPage: number, rights: Rights, firstIndex = 0): void {
    const halves = this.#memory.pageOfHalves(table);
    if (halves === undefined) return;
    found.tableCount += 1;
    const span = ENTRIES ** (level - 1);
    for (let index = firstIndex; index < ENTRIES; index++) {
      const low = halves[2 * index]!;
      if ((low & PRESENT) === 0) continue;
      const entry = this.#decode(low, halves[2 * index + 1]!, level);
      if (entry === undefined) continue;
      const page = firstPage + (index - firstIndex) * span;
      const effective = both(rights, entry);
      if (entry.isLeaf) {
        found.leaves.add({ page, frame: alignedTo(span, entry.frame), leafPages: span as LeafPages, ...effective });
      } else if (isNew(found, entry.frame, level, effective)) {
        this.#collect(found, this.#tableAt(entry.frame), level - 1, page, effective);
      }
    }
  }

  /** Undefined where the entry is absent. Bits above a physical address are flags of the entry, not of the frame. */
  #decode(low: number, high: number, level: number): Entry | undefined {
    if ((low & PRESENT) === 0) return undefined;
    const frame = ((high & 0x000f_ffff) * 0x10_0000 + (low >>> 12)) % this.#frameCount;
    return {
      frame,
      isLeaf: level === 1 || (level <= 3 && (low & LARGE) !== 0),
      writable: (low & WRITABLE) !== 0,
      executable: high >>> 31 === 0,
    };
  }

  #tableAt(frame: number): bigint {
    return this.roots.directMap + addressOf(frame);
  }
}

/** Reads page tables by the address of the direct map that shows them; undefined where nothing is mapped. */
export interface TableMemory {
  /** One entry. */
  word(address: bigint): bigint | undefined;
  /** Some entries as 32-bit halves, the low one of each first, for as long as nothing else is read. */
  halvesAt(address: bigint, words: number): Uint32Array | undefined;
  /** A whole table as 32-bit halves, the low one of each entry first; the array belongs to the caller. */
  pageOfHalves(address: bigint): Uint32Array | undefined;
}

/** What a walk of the upper half found. */
export interface KernelLeaves {
  readonly runs: readonly LeafRun[];
  readonly leafCount: number;
  /** Tables that were read. */
  readonly tableCount: number;
  /**
   * Tables that hang in the tree at a further place with the same rights (ESPFIX stacks, the zero shadow of KASAN). They map
   * the same frames again and are not walked again.
   */
  readonly repeatedTableCount: number;
}

interface Found {
  readonly leaves: LeafRuns;
  readonly seen: Set<number>;
  tableCount: number;
  repeatedTableCount: number;
}

interface Entry extends Rights {
  readonly frame: number;
  readonly isLeaf: boolean;
}

function isNew(found: Found, frame: number, level: number, { writable, executable }: Rights): boolean {
  const key = ((frame * 8 + level) * 2 + Number(writable)) * 2 + Number(executable);
  if (found.seen.has(key)) found.repeatedTableCount += 1;
  const fresh = !found.seen.has(key);
  found.seen.add(key);
  return fresh;
}

const both = (above: Rights, here: Rights): Rights => ({
  writable: above.writable && here.writable,
  executable: above.executable && here.executable,
});

/** The low bits of a large leaf's frame number hold its PAT bit, not an address. */
const alignedTo = (span: number, frame: number): number => frame - (frame % span);

const ENTRIES = 512;
const PRESENT = 0x1;
const WRITABLE = 0x2;
const LARGE = 0x80;
