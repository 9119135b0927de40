import { closeSync, openSync, readSync } from 'node:fs';

/**
 * How often the running kernel has warned and oopsed since it was booted (/sys/kernel, since 6.2). A live target looks after
 * every step: whatever makes a kernel warn is never done a second time, not even to shrink it.
 */
export class KernelHealth {
  readonly #files: readonly number[];
  readonly #text = Buffer.alloc(32);
  readonly #troubles: number;

  constructor() {
    this.#files = ['warn_count', 'oops_count'].flatMap((name) => opened(`/sys/kernel/${name}`));
    this.#troubles = this.#count();
  }

  /** Throws {@link KernelHarmed} when the kernel has warned since this began, whoever made it: from then on always. */
  demand(): void {
    const more = this.#count() - this.#troubles;
    if (more === 0) return;
    throw new KernelHarmed(`the kernel has warned ${more === 1 ? 'once' : `${more} times`} meanwhile: see dmesg`);
  }

  close(): void {
    for (const file of this.#files) closeSync(file);
  }

  #count(): number {
    let sum = 0;
    for (const file of this.#files) {
      const length = readSync(file, this.#text, 0, this.#text.length, 0);
      for (let index = 0, value = 0; index < length; index++) {
        const digit = this.#text[index]! - DIGIT_ZERO;
        if (digit >= 0) value = 10 * value + digit;
        else sum += value;
      }
    }
    return sum;
  }
}

const DIGIT_ZERO = 0x30;

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
