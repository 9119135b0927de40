import { assert } from '../../../base/assert.ts';
import { type Journal, JournaledMap } from '../../../base/journal.ts';
import { JournaledNumbers } from '../../../base/journaled-numbers.ts';
import type { Frame } from '../../machine/frame.ts';
import type { PhysicalMemory } from '../../machine/physical-memory.ts';
import type { MemoryCgroup } from '../memory-cgroup.ts';

/**
 * `struct page`'s reference count for pages that a kernel mapping and user mappings share: whoever drops the last
 * reference gives the frame back, and its charge. Map counts and folios are left out: nothing modelled asks for them.
 */
export class PageReferences {
  readonly #memory: PhysicalMemory;
  readonly #counts: JournaledNumbers;
  /** page->memcg_data of the pages that somebody pays for. */
  readonly #payers: JournaledMap<number, MemoryCgroup>;

  constructor(journal: Journal, memory: PhysicalMemory) {
    this.#memory = memory;
    this.#counts = new JournaledNumbers(journal);
    this.#payers = new JournaledMap(journal);
  }

  /** A zeroed page with one reference, or undefined when memory is full or the payer is at its limit. */
  allocate(use: 'arena' | 'anonymous', payer?: MemoryCgroup): Frame | undefined {
    if (payer?.charge() === false) return undefined;
    const frame = this.#memory.allocate(use);
    if (frame === undefined) {
      payer?.uncharge();
      return undefined;
    }
    frame.fillAll(0);
    this.#counts.set(frame.number, 1);
    if (payer !== undefined) this.#payers.set(frame.number, payer);
    return frame;
  }

  /** get_page() */
  take(frame: number): void {
    this.#counts.set(frame, this.#counts.get(frame) + 1);
  }

  /** put_page(): the last one frees. */
  drop(frame: number): void {
    const count = this.#counts.get(frame);
    assert(count > 0, `a frame has a reference to drop`);
    this.#counts.set(frame, count - 1);
    if (count > 1) return;
    const payer = this.#payers.get(frame);
    if (payer !== undefined) {
      payer.uncharge();
      this.#payers.delete(frame);
    }
    this.#memory.free(frame);
  }

  count(frame: number): number {
    return this.#counts.get(frame);
  }
}
