import type { Machine } from '../machine/machine.ts';
import type { Outcome } from './errno.ts';
import type { KernelImage } from './kernel-image.ts';
import type { Window } from './layout.ts';
import type { SetMemory } from './set-memory.ts';

/** The steps of mark_rodata_ro(), in order; until the last but one is done, some memory is writable and executable by design. */
export const readOnlySteps = ['text-and-rodata-ro', 'data-nx', 'free-text-gap', 'free-rodata-gap'] as const;
export type ReadOnlyStep = (typeof readOnlySteps)[number];

/** Whoever takes over the end of the kernel's last text page, which stays executable then. */
export interface KeptTextTail {
  register(): void;
}

/**
 * The end of boot (arch/x86/mm/init_64.c:mark_rodata_ro()): from here on nothing is writable and executable. Page-table
 * isolation, which would also unmap the freed gaps, is left out.
 */
export class MarkRodataRo {
  /** How many of the steps are done. */
  readonly progress = { stepsDone: 0 };
  readonly #machine: Machine;
  readonly #image: KernelImage;
  readonly #setMemory: SetMemory;

  readonly #tail: KeptTextTail | undefined;

  constructor(machine: Machine, image: KernelImage, setMemory: SetMemory, tail?: KeptTextTail) {
    this.#tail = tail;
    this.#machine = machine;
    this.#image = image;
    this.#setMemory = setMemory;
  }

  /** Performs the next step; ready while {@link progress} is below the number of steps. */
  next(): Outcome {
    const step = readOnlySteps[this.progress.stepsDone]!;
    this.#machine.journal.set(this.progress, 'stepsDone', this.progress.stepsDone + 1);
    return this.perform(step);
  }

  /** True once nothing may be writable and executable any more. */
  get isSealed(): boolean {
    return this.progress.stepsDone >= 2;
  }

  perform(step: ReadOnlyStep): Outcome {
    const image = this.#image;
    switch (step) {
      case 'text-and-rodata-ro': {
        const outcome = this.#over({ first: image.text.first, end: image.data.first }, (first, count) =>
          this.#setMemory.ro(first, count),
        );
        image.setReadOnly();
        return outcome;
      }
      case 'data-nx':
        return this.#over(
          { first: (this.#tail === undefined ? image.text : image.textGap).end, end: image.data.end },
          (first, count) => this.#setMemory.nx(first, count),
        );
      case 'free-text-gap':
        if (this.#tail === undefined) return this.#freeGap(image.textGap);
        this.#tail.register();
        return 0;
      case 'free-rodata-gap':
        return this.#freeGap(image.rodataGap);
    }
  }

  /** free_init_pages(): not executable first, then writable. */
  makeOrdinary({ first, end }: Window): Outcome {
    const outcome = this.#setMemory.nx(first, end - first);
    return outcome === 0 ? this.#setMemory.rw(first, end - first) : outcome;
  }

  /** free_kernel_image_pages() */
  #freeGap(gap: Window): Outcome {
    this.makeOrdinary(gap);
    for (let page = gap.first; page < gap.end; page++) this.#machine.memory.free(this.#image.frameOfPage(page));
    return 0;
  }

  #over({ first, end }: Window, change: (firstPage: number, pageCount: number) => Outcome): Outcome {
    return change(first, end - first);
  }
}
