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
  /** From _text to the 2 MiB boundary behind rodata: here large leaves stay whole, and so read-only. */
  readonly #readOnlyLeaves: Window;
  readonly #rodataFrames: Window;

  constructor(image: KernelImage, tables: PageTable) {
    this.#image = image;
    this.#tables = tables;
    this.#readOnlyLeaves = { first: image.text.first, end: image.data.first };
    this.#rodataFrames = { first: image.frameOfPage(image.rodata.first), end: image.frameOfPage(image.rodata.end) };
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
    if (!wholeLeaf && overlap(this.#readOnlyLeaves, firstPage, pageCount) && this.#isLarge(firstPage)) {
      forbidden |= WRITABLE;
    }
    if (overlap(this.#rodataFrames, firstFrame, pageCount)) forbidden |= WRITABLE;
    return forbidden;
  }

  #isLarge(page: number): boolean {
    const { table, index } = this.#tables.walk(page);
    return (table.entryFlags(index) & LARGE) !== 0;
  }
}

const overlap = (window: Window, first: number, count: number): boolean =>
  first < window.end && first + count > window.first;
