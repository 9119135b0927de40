import type { PageTable } from '../machine/page-table.ts';
import { isPresent, LARGE, NO_EXECUTE, WRITABLE } from '../machine/page-table-entry.ts';
import type { KernelImage } from './kernel-image.ts';
import type { Window } from './layout.ts';

/** What a change of attributes is about to write. */
export interface IntendedEntries {
  readonly flags: number;
  readonly firstPage: number;
  readonly firstFrame: number;
  readonly pageCount: number;
  /** Whether a large leaf is rewritten as a whole. */
  readonly wholeLeaf: boolean;
}

/**
 * Attributes that no caller may give to the kernel's own memory (set_memory.c:static_protections()): they are taken out of a
 * request without a word. The PCI BIOS area is left out: 64-bit kernels protect it only with CONFIG_PCI_BIOS.
 */
export class StaticProtections {
  readonly #image: KernelImage;
  readonly #tables: PageTable;

  constructor(image: KernelImage, tables: PageTable) {
    this.#image = image;
    this.#tables = tables;
  }

  /** The flags as they may be written. */
  apply(intended: IntendedEntries): number {
    if (!isPresent(intended.flags)) return intended.flags;
    return intended.flags & ~this.forbidden(intended);
  }

  /** Kernel text never becomes NX in its own mapping; read-only text and rodata never become writable. */
  forbidden({ firstPage, firstFrame, pageCount, wholeLeaf }: IntendedEntries): number {
    const image = this.#image;
    let forbidden = 0;
    if (overlap(image.text, firstPage, pageCount)) forbidden |= NO_EXECUTE;
    if (!image.isReadOnly) return forbidden;
    if (!wholeLeaf && overlap(this.#readOnlyLeaves(), firstPage, pageCount) && this.#isLarge(firstPage)) {
      forbidden |= WRITABLE;
    }
    const firstRodata = image.frameOfPage(image.rodata.first);
    const endRodata = image.frameOfPage(image.rodata.end);
    if (firstFrame < endRodata && firstFrame + pageCount > firstRodata) forbidden |= WRITABLE;
    return forbidden;
  }

  /** From _text to the 2 MiB boundary behind rodata: here large leaves stay whole, and so read-only. */
  #readOnlyLeaves(): Window {
    return { first: this.#image.text.first, end: this.#image.data.first };
  }

  #isLarge(page: number): boolean {
    const { table, index } = this.#tables.walk(page);
    return (table.entryFlags(index) & LARGE) !== 0;
  }
}

const overlap = ({ first, end }: Window, firstPage: number, pageCount: number): boolean =>
  firstPage < end && firstPage + pageCount > first;
