import { addressOf, pageOf } from '../../base/page.ts';
import type { KernelMemory } from './kernel-memory.ts';
import { leafSizeName } from './leaf-run.ts';
import type { PageWalk } from './page-walk.ts';
import { READ_WINDOW_BYTES } from './programs.ts';

/** What pages of a range are like: how many are present, writable, executable, and by the size of their leaf. */
export interface PageCounts {
  readonly pages: number;
  readonly present: number;
  readonly writable: number;
  readonly executable: number;
  readonly levels: Readonly<Record<string, number>>;
}

/** Looks at executable memory of the running kernel: rights through both mappings, and content. */
export class TextPages {
  readonly #memory: KernelMemory;
  readonly #walk: PageWalk;

  constructor(memory: KernelMemory, walk: PageWalk) {
    this.#memory = memory;
    this.#walk = walk;
  }

  isMapped(address: bigint): boolean {
    return this.#walk.leafAt(pageOf(address)) !== undefined;
  }

  /** The pages of a range, as they are mapped and as the direct map shows their frames. */
  counts(address: bigint, pageCount: number): { readonly va: PageCounts; readonly alias: PageCounts } {
    const pages = Array.from({ length: pageCount }, (_, index) => pageOf(address) + index);
    const frames = pages.flatMap((page) => {
      const leaf = this.#walk.leafAt(page);
      return leaf === undefined ? [] : [leaf.frame + (page - leaf.page)];
    });
    const directMap = pageOf(this.#walk.roots.directMap);
    return { va: this.#count(pages), alias: this.#count(frames.map((frame) => directMap + frame)) };
  }

  /** Whether all bytes of a mapped range are trap bytes (0xcc); false where it is not mapped. */
  areTraps(address: bigint, bytes: number): boolean {
    for (let at = 0; at < bytes; at += READ_WINDOW_BYTES) {
      const length = Math.min(READ_WINDOW_BYTES, bytes - at);
      const content = this.#memory.read(address + BigInt(at), length);
      if (content === undefined || Buffer.compare(content, TRAPS.subarray(0, length)) !== 0) return false;
    }
    return true;
  }

  /** The 32-bit word at an address, undefined where it is not mapped. */
  word32(address: bigint): number | undefined {
    const bytes = this.#memory.read(address, 4);
    return bytes === undefined ? undefined : new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true);
  }

  /** Every page that is executable now. */
  executablePages(): ReadonlySet<number> {
    const executable = this.#walk.kernelLeaves().runs.filter((run) => run.executable && run.leafPages === 1);
    return new Set(executable.flatMap((run) => Array.from({ length: run.leafCount }, (_, index) => run.page + index)));
  }

  /** Whether the page behind a range is absent, as vmalloc's guard is. */
  isGuarded(address: bigint, pageCount: number): boolean {
    return !this.isMapped(addressOf(pageOf(address) + pageCount));
  }

  #count(pages: readonly number[]): PageCounts {
    const counts = { pages: pages.length, present: 0, writable: 0, executable: 0 };
    const levels: Record<string, number> = {};
    for (const page of pages) {
      const leaf = this.#walk.leafAt(page);
      if (leaf === undefined) continue;
      counts.present += 1;
      if (leaf.writable) counts.writable += 1;
      if (leaf.executable) counts.executable += 1;
      const size = leafSizeName(leaf.leafPages);
      levels[size] = (levels[size] ?? 0) + 1;
    }
    return { ...counts, levels };
  }
}

/** As many trap bytes as are ever compared at once. */
const TRAPS = Buffer.alloc(READ_WINDOW_BYTES, 0xcc);
