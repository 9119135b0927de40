import type { Arena, ArenaSurroundings } from './arena.ts';
import { HALF_GUARD_PAGES, SLOTS_PER_WINDOW } from './arena-address.ts';

/** What kernel code finds at an address of the window; an oops ends the kernel. */
export type KernelTouch = 'present' | 'scratch' | 'oops';

/**
 * What happens where kernel code (a helper, a kfunc) is handed an arena address and no page is there. Since dc11a4dba246 (7.2)
 * the fault handler puts the arena's scratch page there and retries: one page for all absent ones, so writes alias and stay.
 * Before, and in the lower half guard, the kernel oopses. The message on the program's stream is left out.
 */
export class ArenaKernelFaults {
  readonly #parts: ArenaSurroundings;

  constructor(parts: ArenaSurroundings) {
    this.#parts = parts;
  }

  /** Kernel code touches the page at an index of the window, from the lower guard to the upper one. */
  touch(arena: Arena, index: number): KernelTouch {
    if (arena.window.frameAt(index) !== undefined) return 'present';
    return this.recovers(index) && this.putScratch(arena, index) ? 'scratch' : 'oops';
  }

  /** Whether the handler takes care of a fault there. */
  recovers(index: number): boolean {
    return this.#parts.profile.scratchPage && index >= 0 && index < SLOTS_PER_WINDOW + HALF_GUARD_PAGES;
  }

  putScratch({ window, scratch }: Arena, index: number): boolean {
    return scratch !== undefined && window.map(index, scratch);
  }
}
