import type { ExecutableArea, ExecutableMemory } from '../kernel/executable-memory.ts';
import type { HeldText, TextAllocator } from './text-allocator.ts';

interface AreaText extends HeldText {
  readonly area: ExecutableArea;
}

/** Users of module_alloc() up to 6.9: each text has an area of its own, is written in place, and is protected once. */
export class AreaTexts implements TextAllocator {
  readonly name = 'module_alloc';
  readonly #memory: ExecutableMemory;

  constructor(memory: ExecutableMemory) {
    this.#memory = memory;
  }

  allocate(size: number): AreaText | undefined {
    const area = this.#memory.allocate(size);
    return area && { address: area.address, size, area };
  }

  write({ area }: AreaText, at: number, bytes: Uint8Array, cpu: number): boolean {
    this.#memory.write(area, at, bytes, cpu);
    return true;
  }

  publish({ area }: AreaText): boolean {
    this.#memory.resetPermissionsOnFree(area.address);
    return this.#memory.protect(area);
  }

  free({ address }: AreaText): void {
    this.#memory.free(address);
  }

  /** vfree() puts off only its flush, which the next permission change makes up for. */
  settle(): void {}
}
