import { closeSync, openSync, readSync } from 'node:fs';

/**
 * How often the running kernel has warned and oopsed since it was booted (/sys/kernel, since 6.2). A live target looks after
 * every step: whatever makes a kernel warn is never done a second time, not even to shrink it.
 */
export class KernelHealth {
  readonly #files: readonly number[];
  readonly #text = Buffer.alloc(32);
  #troubles: number;

  constructor() {
    this.#files = ['warn_count', 'oops_count'].flatMap((name) => opened(`/sys/kernel/${name}`));
    this.#troubles = this.#count();
  }

  /** Throws {@link KernelHarmed} when the kernel warned since the last look, whoever made it. */
  demand(): void {
    const now = this.#count();
    if (now === this.#troubles) return;
    const more = now - this.#troubles;
    this.#troubles = now;
    throw new KernelHarmed(`the kernel has warned ${more === 1 ? 'once' : `${more} times`} meanwhile: see dmesg`);
  }

  close(): void {
    for (const file of this.#files) closeSync(file);
  }

  #count(): number {
    let sum = 0;
    for (const file of this.#files) {
      const length = readSync(file, this.#text, 0, this.#text.length, 0);
      sum += Number(this.#text.latin1Slice(0, length));
    }
    return sum;
  }
}

/** The running kernel is not well any more, perhaps by what was just done to it. */
export class KernelHarmed extends Error {
  override readonly name = 'KernelHarmed';
}

/** Kernels before 6.2 do not count: then nothing is ever noticed. */
function opened(path: string): readonly number[] {
  try {
    return [openSync(path, 'r')];
  } catch {
    return [];
  }
}
