import type { Journal } from '../../base/journal.ts';
import type { Outcome } from './errno.ts';
import type { SetMemory } from './set-memory.ts';

/** Pages of read-only text that their owner is making writable for a while. */
export interface RwWindow {
  readonly firstPage: number;
  readonly pageCount: number;
  stagesDone: number;
}

export type RwStage = 'nx' | 'rw';

/**
 * execmem_make_temp_rw() and execmem_restore_rox() (mm/execmem.c, 6.15): the owner of text makes it writable in place, while
 * nobody may run it. The two permission changes are stages, because other CPUs run between them.
 */
export class TemporaryRw {
  readonly #journal: Journal;
  readonly #setMemory: SetMemory;

  constructor(journal: Journal, setMemory: SetMemory) {
    this.#journal = journal;
    this.#setMemory = setMemory;
  }

  /** Execution is taken before writing is given. */
  stages(): readonly RwStage[] {
    return ['nx', 'rw'];
  }

  begin(firstPage: number, pageCount: number): RwWindow {
    return { firstPage, pageCount, stagesDone: 0 };
  }

  /** Performs the next stage; an error leaves the window where it was, and restoring it is still right. */
  advance(window: RwWindow): Outcome {
    const stage = this.stages()[window.stagesDone];
    const { firstPage, pageCount } = window;
    const outcome =
      stage === 'nx' ? this.#setMemory.nx(firstPage, pageCount) : this.#setMemory.rw(firstPage, pageCount);
    if (outcome === 0) this.#journal.set(window, 'stagesDone', window.stagesDone + 1);
    return outcome;
  }

  isWritable({ stagesDone }: RwWindow): boolean {
    return stagesDone >= this.stages().length;
  }

  /** execmem_restore_rox() */
  restore({ firstPage, pageCount }: RwWindow): Outcome {
    return this.#setMemory.rox(firstPage, pageCount);
  }
}
