import type { Machine } from '../machine/machine.ts';
import { DIRTY, FORCED_4K, NO_EXECUTE, PRESENT, WRITABLE } from '../machine/page-table-entry.ts';
import type { AttributeChange, ChangePageAttr } from './change-page-attr.ts';
import type { DirectMap } from './direct-map.ts';
import type { Outcome } from './errno.ts';
import type { LargePages } from './large-pages.ts';
import type { PageAttributeBehaviour } from './profile.ts';
import type { VmapAreas } from './vmap-areas.ts';

interface Parts {
  readonly machine: Machine;
  readonly behaviour: PageAttributeBehaviour;
  readonly directMap: DirectMap;
  readonly changePageAttr: ChangePageAttr;
  readonly largePages: LargePages;
  readonly vmapAreas: VmapAreas;
}

/**
 * The calls that the rest of the kernel uses to change permissions: set_memory_*() on any kernel address, with flush, and
 * set_direct_map_*() on the direct-map entry of a frame, without.
 */
export class SetMemory {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  ro(firstPage: number, pageCount: number): Outcome {
    return this.change({ firstPage, pageCount, set: 0, clear: WRITABLE | DIRTY });
  }

  rw(firstPage: number, pageCount: number): Outcome {
    return this.change({ firstPage, pageCount, set: WRITABLE, clear: 0 });
  }

  x(firstPage: number, pageCount: number): Outcome {
    return this.change({ firstPage, pageCount, set: 0, clear: NO_EXECUTE });
  }

  nx(firstPage: number, pageCount: number): Outcome {
    return this.change({ firstPage, pageCount, set: NO_EXECUTE, clear: 0 });
  }

  /** Read-only and executable in one pass; from 6.15 it also asks for large leaves back. */
  rox(firstPage: number, pageCount: number): Outcome {
    const change = { firstPage, pageCount, set: 0, clear: WRITABLE | DIRTY | NO_EXECUTE };
    return this.change(change, { collapse: this.#parts.behaviour.collapses });
  }

  np(firstPage: number, pageCount: number): Outcome {
    return this.change({ firstPage, pageCount, set: 0, clear: PRESENT });
  }

  npNoAlias(firstPage: number, pageCount: number): Outcome {
    return this.change({ firstPage, pageCount, set: 0, clear: PRESENT, ignoreAliases: true });
  }

  /** Splits large leaves; where the kernel collapses, the small ones are marked so that they stay. */
  fourK(firstPage: number, pageCount: number): Outcome {
    const set = this.#parts.behaviour.collapses ? FORCED_4K : 0;
    return this.change({ firstPage, pageCount, set, clear: 0, forceSplit: true });
  }

  /** change_page_attr_set_clr() */
  change(change: AttributeChange, options: { readonly collapse?: boolean } = {}): Outcome {
    const { vmapAreas, changePageAttr, machine, largePages } = this.#parts;
    vmapAreas.unmapAliases();
    const { outcome, changed, forceFlushAll } = changePageAttr.walk(change);
    if (!changed) return outcome;
    if (outcome !== 0) {
      this.flushAfterError(machine);
      return outcome;
    }
    changePageAttr.flushAfter(change, forceFlushAll);
    if (options.collapse === true) largePages.collapse(change.firstPage, change.pageCount);
    return 0;
  }

  /** A prefix of the range was changed, and nothing is known of its end. */
  flushAfterError(machine: Machine): void {
    machine.flushEverywhere();
  }

  /** set_direct_map_invalid_noflush(): nobody can reach the frames through the direct map any more, nor cache it anew. */
  directMapInvalid(firstFrame: number, frameCount = 1): Outcome {
    return this.#directMap(firstFrame, frameCount, 0, PRESENT | WRITABLE);
  }

  /** set_direct_map_default_noflush() */
  directMapDefault(firstFrame: number, frameCount = 1): Outcome {
    return this.#directMap(firstFrame, frameCount, PRESENT | WRITABLE, 0);
  }

  /** set_direct_map_valid_noflush(), 6.13 and later. */
  directMapValid(firstFrame: number, frameCount: number, valid: boolean): Outcome {
    return valid ? this.directMapDefault(firstFrame, frameCount) : this.directMapInvalid(firstFrame, frameCount);
  }

  #directMap(firstFrame: number, frameCount: number, set: number, clear: number): Outcome {
    const { changePageAttr, directMap } = this.#parts;
    const firstPage = directMap.pageOf(firstFrame);
    return changePageAttr.walk({ firstPage, pageCount: frameCount, set, clear, ignoreAliases: true }).outcome;
  }
}
