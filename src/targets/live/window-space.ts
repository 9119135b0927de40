import { readFileSync } from 'node:fs';

/**
 * How many arena windows of the running kernel are in use. A window is 4 GiB of kernel address space that a work item gives back
 * some time after the last holder of its arena is gone; whoever makes arenas faster than that piles windows up. The kernel
 * takes the lowest free one, so where a new window lies tells how many there are.
 */
export class WindowSpace {
  #lowest = Number.POSITIVE_INFINITY;
  #crowded = false;

  /** Notes where the window of a new arena lies. */
  note(firstPage: number): void {
    this.#lowest = Math.min(this.#lowest, firstPage);
    this.#crowded = firstPage - this.#lowest >= MOST_WINDOWS * PAGES_IN_4G;
  }

  /** Before an arena is made: waits until few are left where there were many. */
  waitForRoom(): void {
    for (let waited = 0; this.#crowded && waited < PATIENCE_MILLISECONDS; waited += POLL_MILLISECONDS) {
      this.#crowded = windowsInUse() > FEW_WINDOWS;
      if (this.#crowded) Atomics.wait(SLEEP, 0, 0, POLL_MILLISECONDS);
    }
    if (this.#crowded) throw new Error('the kernel does not give back the windows of arenas');
  }
}

const windowsInUse = (): number => readFileSync('/proc/vmallocinfo', 'latin1').split('arena_map_alloc').length - 1;

const PAGES_IN_4G = 2 ** 20;
const MOST_WINDOWS = 6;
/** Of everybody: others may hold some for long. */
const FEW_WINDOWS = 8;
const POLL_MILLISECONDS = 2;
/** A busy machine lets its work items wait. */
const PATIENCE_MILLISECONDS = 60_000;
const SLEEP = new Int32Array(new SharedArrayBuffer(4));
