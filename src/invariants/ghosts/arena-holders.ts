import type { Journal } from '../../base/journal.ts';
import { JournaledNumbers } from '../../base/journaled-numbers.ts';
import type { Arena } from '../../model/bpf/arena.ts';

/** Which frame stands at each place: an index of a kernel window, or a page of a process. */
export class ArenaFrames {
  /** The arena whose window it is; undefined for a process. */
  readonly arena: Arena | undefined;
  /** Frames by place, one more than their number: 0 is none. Guards lie below index 0. */
  readonly #frames: JournaledNumbers;
  readonly #size: JournaledNumbers;

  constructor(journal: Journal, arena?: Arena) {
    this.arena = arena;
    this.#frames = new JournaledNumbers(journal);
    this.#size = new JournaledNumbers(journal);
  }

  at(place: number): number | undefined {
    const frame = this.#frames.get(place + BELOW);
    return frame === 0 ? undefined : frame - 1;
  }

  /** @param frame a negative one takes the entry away */
  set(place: number, frame: number): void {
    const was = this.#frames.get(place + BELOW) !== 0;
    this.#frames.set(place + BELOW, frame < 0 ? 0 : frame + 1);
    if (was !== frame >= 0) this.#size.set(0, this.count + (was ? -1 : 1));
  }

  /** How many places hold a frame. */
  get count(): number {
    return this.#size.get(0);
  }

  *places(): Generator<number> {
    for (const key of this.#frames.keys()) yield key - BELOW;
  }
}

/** Room for the guard pages below a window. */
const BELOW = 512;

/*
 * One word for each frame that somebody ever held. Kernel entries come highest: of the scratch page there may be many.
 *
 *    31             16 15            8 7           1 0
 *   ┌─────────────────┬───────────────┬─────────────┬─┐
 *   │ kernel entries  │ calls         │ user entries│1│
 *   └─────────────────┴───────────────┴─────────────┴─┘
 */
const ONE = { user: 1 << 1, call: 1 << 8, kernel: 1 << 16 } as const;

/** Who holds each frame, by the tables and by calls that are under way. */
export class ArenaHolders {
  readonly #words: JournaledNumbers;

  constructor(journal: Journal) {
    this.#words = new JournaledNumbers(journal);
  }

  kernel(frame: number): number {
    return this.#words.get(frame) >>> 16;
  }

  calls(frame: number): number {
    return (this.#words.get(frame) >>> 8) & 0xff;
  }

  users(frame: number): number {
    return (this.#words.get(frame) >>> 1) & 0x7f;
  }

  count(frame: number, by: keyof typeof ONE, more: number): void {
    this.#words.set(frame, (this.#words.get(frame) | 1) + more * ONE[by]);
  }

  /** Every frame that somebody holds or held. */
  frames(): Iterable<number> {
    return this.#words.keys();
  }
}
