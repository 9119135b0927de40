import type { Binary } from '../kernel/binary-pack.ts';
import type { BpfText } from '../kernel/bpf-text.ts';
import type { PagedBinary } from '../kernel/per-program-text.ts';
import type { HeldText, TextAllocator } from './text-allocator.ts';

/** A program of the pack allocators or with pages of its own. */
interface ProgramText extends HeldText {
  readonly made:
    | { readonly kind: 'slice'; readonly binary: Binary }
    | { readonly kind: 'pages'; readonly paged: PagedBinary };
}

const ALLOCATORS = {
  packs: 'bpf_prog_pack_alloc',
  'own-pages': 'bpf_jit_binary_alloc',
  execmem: 'execmem_alloc',
  'vmalloc-text': 'vmalloc_text_alloc',
} as const;

/**
 * BPF programs as the x86 JIT makes them: in a buffer that is copied over the text in the end, or in place before the pages are
 * protected. The caller may exceed the JIT limit, and images start right behind their headers.
 */
export class ProgramTexts implements TextAllocator {
  readonly name: string;
  readonly #text: BpfText;

  constructor(text: BpfText) {
    this.#text = text;
    const { textOf, largeLeaves } = text.profile;
    this.name = textOf === 'packs' && largeLeaves === 'pack' ? 'module_alloc_huge' : ALLOCATORS[textOf];
  }

  allocate(size: number, cpu: number): ProgramText | undefined {
    const { binaries, ownPages } = this.#text;
    const request = { length: size, align: 4, random: 0, capable: true, cpu };
    if (binaries.takes(size)) {
      const binary = binaries.allocate(request);
      return binary && { address: binary.image, size, made: { kind: 'slice', binary } };
    }
    const paged = ownPages.allocate(request);
    return paged && { address: paged.image, size, made: { kind: 'pages', paged } };
  }

  write({ made }: ProgramText, at: number, bytes: Uint8Array, cpu: number): boolean {
    if (made.kind === 'slice') this.#text.binaries.emit(made.binary, at, bytes);
    else this.#text.ownPages.emit(made.paged, at, bytes, cpu);
    return true;
  }

  publish({ made }: ProgramText, cpu: number): boolean {
    if (made.kind === 'slice') return this.#text.binaries.finalize(made.binary, cpu) === '0';
    this.#text.ownPages.lock(made.paged);
    return true;
  }

  free({ made }: ProgramText, cpu: number): void {
    const { binaries, ownPages } = this.#text;
    if (made.kind === 'pages') ownPages.free(made.paged);
    else if (made.binary.state === 'live') binaries.release(made.binary, cpu);
    else binaries.free(made.binary, cpu);
  }

  /** Packs put nothing off. */
  settle(): void {}
}
