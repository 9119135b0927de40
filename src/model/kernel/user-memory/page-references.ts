import { assert } from '../../../base/assert.ts';
import { type Journal, JournaledMap } from '../../../base/journal.ts';
import type { Frame } from '../../machine/frame.ts';
import type { PhysicalMemory } from '../../machine/physical-memory.ts';

/**
 * `struct page`'s reference count for pages that a kernel mapping and user mappings share: whoever drops the last
 * reference gives the frame back. Map counts and folios are left out: nothing modelled asks for them.
 */
export class PageReferences {
  readonly #memory: PhysicalMemory;
  readonly #counts: JournaledMap<number, number>;

  constructor(journal: Journal, memory: PhysicalMemory) {
    this.#memory = memory;
    this.#counts = new JournaledMap<number, number>(journal);
  }

  /** A zeroed page with one reference, or undefined when memory is full. */
  allocate(use: 'arena' | 'anonymous'): Frame | undefined {
    const frame = this.#memory.allocate(use);
    if (frame === undefined) return undefined;
    frame.fillAll(0);
    this.#counts.set(frame.number, 1);
    return frame;
  }

  /** get_page() */
  take(frame: number): void {
    this.#counts.set(frame, this.count(frame) + 1);
  }

  /** put_page(): the last one frees. */
  drop(frame: number): void {
    const count = this.count(frame);
    assert(count > 0, `frame ${frame} has a reference to drop`);
    if (count > 1) {
      this.#counts.set(frame, count - 1);
      return;
    }
    this.#counts.delete(frame);
    this.#memory.free(frame);
  }

  count(frame: number): number {
    return this.#counts.get(frame) ?? 0;
  }

  /** Frames that somebody holds, with how many references. */
  counts(): IterableIterator<[number, number]> {
    return this.#counts.entries();
  }
}
