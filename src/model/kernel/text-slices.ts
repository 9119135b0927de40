import type { ExecmemProposal } from './execmem-proposal.ts';
import type { Window } from './layout.ts';
import { type TextAddress, textAddress } from './text-address.ts';
import type { VmallocText } from './vmalloc-text.ts';

/** Where a slice lies, as far as two kernels can be compared: its pack by age and its chunk, or bytes into the window. */
export type Place =
  | { readonly pack: number; readonly chunk: number }
  | { readonly window: 'modules' | 'image'; readonly offset: number }
  | 'dedicated';

/** What makers of text ask of whoever shares it out: packs, or one of the allocators of 2022 that were never merged. */
export interface TextSlices {
  /**
   * Memory for `size` bytes of text; undefined stands for NULL.
   * @param filler what memory made for this request is filled with, where the allocator asks its caller
   * @param cpu the CPU that fills it
   * @param align a power of two above 64, where the caller needs more
   */
  allocate(size: number, filler: number, cpu: number, align?: number): TextAddress | undefined;
  free(pointer: TextAddress, size: number, cpu: number): void;
  /** Whether a request is too large to share memory with others. */
  isDedicated(size: number): boolean;
  placeOf(address: TextAddress): Place;
}

/** BPF_PROG_EXEC_ALIGN */
const ALIGN = 64;

/** BPF's text from execmem_alloc(): aligned to 64, or to a page for the dispatcher; a free finds the size by itself. */
export class ExecmemSlices implements TextSlices {
  readonly #proposal: ExecmemProposal;
  readonly #window: Window;

  constructor(proposal: ExecmemProposal, window: Window) {
    this.#proposal = proposal;
    this.#window = window;
  }

  allocate(size: number, _filler: number, cpu: number, align = ALIGN): TextAddress | undefined {
    return this.#proposal.allocate(size, align, cpu);
  }

  free(pointer: TextAddress, _size: number, cpu: number): void {
    this.#proposal.release(pointer, cpu);
  }

  isDedicated(): boolean {
    return false;
  }

  placeOf(address: TextAddress): Place {
    const { tail } = this.#proposal;
    const isInTail = tail !== undefined && address >= tail.start && address < tail.end;
    if (isInTail) return { window: 'image', offset: address - tail.start };
    return { window: 'modules', offset: address - textAddress(this.#window.first) };
  }
}

/** BPF's text from vmalloc_text_alloc(). */
export class VmallocTextSlices implements TextSlices {
  readonly #allocator: VmallocText;
  readonly #window: Window;

  constructor(allocator: VmallocText, window: Window) {
    this.#allocator = allocator;
    this.#window = window;
  }

  allocate(size: number, _filler: number, cpu: number, align = ALIGN): TextAddress | undefined {
    return this.#allocator.allocate(size, align, cpu);
  }

  free(pointer: TextAddress, _size: number, cpu: number): void {
    this.#allocator.release(pointer, cpu);
  }

  isDedicated(): boolean {
    return false;
  }

  placeOf(address: TextAddress): Place {
    return { window: 'modules', offset: address - textAddress(this.#window.first) };
  }
}
