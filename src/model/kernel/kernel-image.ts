import type { Journal } from '../../base/journal.ts';
import { contains, type Layout, type Window } from './layout.ts';

/**
 * The kernel's own image: its sections in physical memory and in the high mapping, and whether mark_rodata_ro() has run.
 *
 *   _text        _etext      __start_rodata  __end_rodata    _sdata        _brk_end
 *     │ text         │  gap        │ rodata        │   gap      │ data, bss, brk │
 *
 * Sections start at multiples of 2 MiB; the gaps in front of rodata and data are given to the page allocator at the end of
 * boot. The sizes are those of a small kernel; nothing depends on them but that text, rodata and both gaps end inside a leaf.
 */
export class KernelImage {
  readonly firstFrame = IMAGE_FRAME;
  /** All of it, gaps included, in pages of the high mapping; so are its parts. */
  readonly whole: Window;
  readonly text: Window;
  readonly textGap: Window;
  readonly rodata: Window;
  readonly rodataGap: Window;
  readonly data: Window;
  /** High-mapping page of frame 0. */
  readonly #base: number;
  readonly #journal: Journal;
  readonly #phase = { readOnly: false };

  constructor(journal: Journal, layout: Layout) {
    this.#journal = journal;
    this.#base = layout.kernelMap;
    this.whole = this.#window(0, DATA_END);
    this.text = this.#window(0, TEXT_PAGES);
    this.textGap = this.#window(TEXT_PAGES, RODATA_START);
    this.rodata = this.#window(RODATA_START, RODATA_START + RODATA_PAGES);
    this.rodataGap = this.#window(RODATA_START + RODATA_PAGES, DATA_START);
    this.data = this.#window(DATA_START, DATA_END);
  }

  /** Frames of the machine up to here belong to the image or to what lies below it; the allocator never hands them out. */
  static readonly endFrame: number = 8192;

  /** The high-mapping page that maps a frame, or undefined for a frame outside the image. */
  pageOfFrame(frame: number): number | undefined {
    const page = this.#base + frame;
    return contains(this.whole, page) ? page : undefined;
  }

  frameOfPage(page: number): number {
    return page - this.#base;
  }

  /** kernel_set_to_readonly: from here on text and rodata are protected from being made writable. */
  get isReadOnly(): boolean {
    return this.#phase.readOnly;
  }

  setReadOnly(): void {
    this.#journal.set(this.#phase, 'readOnly', true);
  }

  #window(first: number, end: number): Window {
    return { first: this.#base + IMAGE_FRAME + first, end: this.#base + IMAGE_FRAME + end };
  }
}

/** The image lies 16 MiB up in physical memory (CONFIG_PHYSICAL_START). */
const IMAGE_FRAME = 4096;
const TEXT_PAGES = 1300;
const RODATA_START = 1536;
const RODATA_PAGES = 700;
const DATA_START = 2560;
const DATA_END = 4096;
