import { readFileSync } from 'node:fs';

/**
 * How many arena windows of the running kernel are in use. A window is 4 GiB of kernel address space that a work item gives back
 * some time after the last holder of its arena is gone; whoever makes arenas faster than that piles windows up. The kernel
 * takes the lowest free one, so where a new window lies tells how many there are.
 */
export class WindowSpace {
  /** How many windows may pile up, and how few have to be left before more are made. */
  readonly #most: number;
  readonly #few: number;
  #lowest = Number.POSITIVE_INFINITY;
  #crowded = false;

  /** A guest is lost with its windows; on a machine that others use, few are taken. */
  constructor({ ofGuest }: { readonly ofGuest: boolean }) {
    this.#most = ofGuest ? 64 : 6;
    // Others may hold some for long.
    this.#few = ofGuest ? 32 : 8;
  }

  /** Notes where the window of a new arena lies. */
  note(firstPage: number): void {
    this.#lowest = Math.min(this.#lowest, firstPage);
    this.#crowded = firstPage - this.#lowest >= this.#most * PAGES_IN_4G;
  }

  /** Before an arena is made: waits until few are left where there were many. */
  waitForRoom(): void {
    for (let waited = 0; this.#crowded && waited < PATIENCE_MILLISECONDS; waited += POLL_MILLISECONDS) {
      this.#crowded = windowsInUse() > this.#few;
      if (this.#crowded) Atomics.wait(SLEEP, 0, 0, POLL_MILLISECONDS);
    }
    if (this.#crowded) throw new Error('the kernel does not give back the windows of arenas');
  }
}

const windowsInUse = (): number => readFileSync('/proc/vmallocinfo', 'latin1').split('arena_map_alloc').length - 1;

const PAGES_IN_4G = 2 ** 20;
const POLL_MILLISECONDS = 2;
/** A busy machine lets its work items wait. */
const PATIENCE_MILLISECONDS = 60_000;
const SLEEP = new Int32Array(new SharedArrayBuffer(4));
