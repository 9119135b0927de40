import { pageOf } from '../../src/base/page.ts';
import type { LeafPages, Rights } from '../../src/targets/live/leaf-run.ts';
import type { PageTableRoots } from '../../src/targets/live/page-table-roots.ts';
import type { TableMemory } from '../../src/targets/live/page-walk.ts';

/** A leaf to be put into made-up page tables. */
export interface MadeUpLeaf extends Rights {
  readonly page: number;
  readonly frame: number;
  readonly leafPages: LeafPages;
}

/**
 * Page tables built entry by entry, as the memory of a kernel would hold them: for tests of the walk, with either depth and
 * the direct map anywhere. Entries carry flags that a walk must not mistake for a part of the frame number.
 */
export class MadeUpTables implements TableMemory {
  readonly roots: PageTableRoots;
  readonly #tables = new Map<number, Uint32Array>();
  #nextFrame = FIRST_TABLE_FRAME;

  constructor(options: Pick<PageTableRoots, 'directMap' | 'levels' | 'physicalBits'>) {
    const frame = this.#newTable();
    this.roots = { ...options, top: options.directMap + (BigInt(frame) << 12n) };
  }

  map({ page, frame, leafPages, writable, executable }: MadeUpLeaf): void {
    let table = this.#tables.get(FIRST_TABLE_FRAME)!;
    for (let level: number = this.roots.levels; ; level--) {
      const span = 512 ** (level - 1);
      const index = Math.floor(page / span) % 512;
      if (span === leafPages) {
        this.#write(table, index, frame, { writable, executable }, level > 1);
        return;
      }
      if (table[2 * index] === 0)
        this.#write(table, index, this.#newTable(), { writable: true, executable: true }, false);
      table = this.#tables.get(this.#frameIn(table, index))!;
    }
  }

  /** Hangs the table below the entry of one page at the same level of another place as well. */
  share(from: number, to: number, level: number): void {
    const table = this.#tableOf(from, level);
    const target = this.#tableOf(to, level);
    const span = 512 ** (level - 1);
    target.set(
      table.subarray((Math.floor(from / span) % 512) * 2, (Math.floor(from / span) % 512) * 2 + 2),
      (Math.floor(to / span) % 512) * 2,
    );
  }

  word(address: bigint): bigint | undefined {
    const halves = this.pageOfHalves(address & ~0xfffn);
    const at = Number(address & 0xfffn) / 4;
    return halves === undefined ? undefined : BigInt(halves[at]!) | (BigInt(halves[at + 1]!) << 32n);
  }

  halvesAt(address: bigint, words: number): Uint32Array | undefined {
    const at = Number(address & 0xfffn) / 4;
    return this.pageOfHalves(address & ~0xfffn)?.slice(at, at + 2 * words);
  }

  pageOfHalves(address: bigint): Uint32Array | undefined {
    return this.#tables.get(pageOf(address) - pageOf(this.roots.directMap))?.slice();
  }

  #tableOf(page: number, wanted: number): Uint32Array {
    let table = this.#tables.get(FIRST_TABLE_FRAME)!;
    for (let level: number = this.roots.levels; level > wanted; level--) {
      table = this.#tables.get(this.#frameIn(table, Math.floor(page / 512 ** (level - 1)) % 512))!;
    }
    return table;
  }

  #write(table: Uint32Array, index: number, frame: number, rights: Rights, large: boolean): void {
    // Accessed, dirty and global; in a large leaf bit 12 is the PAT bit, which is no address.
    const flags = 0x161 | (rights.writable ? 0x2 : 0) | (large ? 0x1080 : 0);
    table[2 * index] = (((frame % 0x10_0000) << 12) | flags) >>> 0;
    // Bits 52 to 62 are the kernel's own and the protection key; memory encryption takes the first bit above an address.
    const encrypted = this.roots.physicalBits < 52 ? 1 << (this.roots.physicalBits - 32) : 0;
    const high = Math.floor(frame / 0x10_0000) | encrypted | 0x5550_0000 | (rights.executable ? 0 : 0x8000_0000);
    table[2 * index + 1] = high >>> 0;
  }

  #frameIn(table: Uint32Array, index: number): number {
    const frame = (table[2 * index + 1]! & 0x000f_ffff) * 0x10_0000 + (table[2 * index]! >>> 12);
    return frame % 2 ** (this.roots.physicalBits - 12);
  }

  #newTable(): number {
    const frame = this.#nextFrame++;
    this.#tables.set(frame, new Uint32Array(1024));
    return frame;
  }
}

const FIRST_TABLE_FRAME = 0x1234;
