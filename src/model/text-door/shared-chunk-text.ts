import type { VmallocText } from '../kernel/vmalloc-text.ts';
import type { HeldText, TextAllocator } from './text-allocator.ts';

/** Every user of vmalloc_text_alloc() alike: what it gives is text already, and each write is a poke inside the chunk. */
export class SharedChunkTexts implements TextAllocator {
  readonly name = 'vmalloc_text_alloc';
  readonly #allocator: VmallocText;

  constructor(allocator: VmallocText) {
    this.#allocator = allocator;
  }

  allocate(size: number, cpu: number): HeldText | undefined {
    const address = this.#allocator.allocate(size, 1, cpu);
    return address === undefined ? undefined : { address, size };
  }

  write({ address }: HeldText, at: number, bytes: Uint8Array, cpu: number): boolean {
    return this.#allocator.copy(address + at, bytes, cpu) === 0;
  }

  /** It is executable from the first. */
  publish(): boolean {
    return true;
  }

  free({ address }: HeldText, cpu: number): void {
    this.#allocator.release(address, cpu);
  }

  settle(): void {}
}
