import type { Machine } from '../machine/machine.ts';
import { type EntryPlace, firstPageOf, pagesAtLevel } from '../machine/page-table.ts';
import { GLOBAL, isExecutable, isPresent, isWritable, NO_EXECUTE, WRITABLE } from '../machine/page-table-entry.ts';
import type { DirectMap } from './direct-map.ts';
import type { Outcome } from './errno.ts';
import type { KernelImage } from './kernel-image.ts';
import type { KernelLog } from './kernel-log.ts';
import type { LargePages } from './large-pages.ts';
import { cpaLock, type Locks } from './locks.ts';
import type { PageAttributeBehaviour } from './profile.ts';
import type { StaticProtections } from './static-protections.ts';
import { flushTlbKernelRange } from './tlb-flush.ts';

/** A change of page attributes: struct cpa_data as its caller fills it. */
export interface AttributeChange {
  readonly firstPage: number;
  readonly pageCount: number;
  /** Flags to set in every entry, and flags to clear. */
  readonly set: number;
  readonly clear: number;
  /** Split large leaves even where the request would keep them (set_memory_4k()). */
  readonly forceSplit?: boolean;
  /** CPA_NO_CHECK_ALIAS: other mappings of the same frames are left as they are. */
  readonly ignoreAliases?: boolean;
}

/** What is asked of each entry. */
type Masks = Pick<AttributeChange, 'set' | 'clear' | 'forceSplit'>;

/** What a walk found out: whether any entry really changed, and whether an alias was visited. */
export interface WalkResult {
  outcome: Outcome;
  changed: boolean;
  forceFlushAll: boolean;
}

interface Parts {
  readonly machine: Machine;
  readonly behaviour: PageAttributeBehaviour;
  readonly locks: Locks;
  readonly log: KernelLog;
  readonly image: KernelImage;
  readonly directMap: DirectMap;
  readonly staticProtections: StaticProtections;
  readonly largePages: LargePages;
}

/**
 * The walk of arch/x86/mm/pat/set_memory.c that changes attributes entry by entry. Caching attributes (PAT) and page arrays
 * are left out: they change memory types, never permissions.
 */
export class ChangePageAttr {
  readonly #parts: Parts;
  /** How many pages the last entry change dealt with, and the first frame behind them. */
  #handled = 0;
  #frame = 0;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /**
   * __change_page_attr_set_clr(): changes the range and its aliases without the final flush. An error leaves the pages before
   * it changed.
   */
  walk(change: AttributeChange): WalkResult {
    const result: WalkResult = { outcome: 0, changed: false, forceFlushAll: false };
    const aliases = this.checksAliases(change) ? this.#aliasMasks(change) : undefined;
    this.#walkRange(change.firstPage, change.pageCount, change, aliases, result);
    return result;
  }

  /** With `aliases` the range is a primary one: each entry's other mappings change with it. */
  #walkRange(
    first: number,
    count: number,
    masks: Masks,
    aliases: Masks | undefined,
    result: WalkResult,
    primary = true,
  ) {
    if ((masks.set | masks.clear) === 0 && masks.forceSplit !== true) return;
    const { locks } = this.#parts;
    const end = first + count;
    for (let page = first; page < end; ) {
      locks.take(cpaLock);
      result.outcome = this.#changeEntry(masks, page, end - page, primary, result);
      locks.release(cpaLock);
      const handled = this.#handled;
      if (result.outcome === 0 && aliases !== undefined)
        this.#changeAliases(page, this.#frame, handled, aliases, result);
      if (result.outcome !== 0) break;
      page += handled;
    }
  }

  /** cpa_flush(): every CPU forgets the pages, or everything when there are many or an alias was visited too. */
  flushAfter(change: AttributeChange, forceFlushAll: boolean): void {
    const { machine } = this.#parts;
    if (forceFlushAll) machine.flushEverywhere();
    else flushTlbKernelRange(machine, change.firstPage, change.firstPage + change.pageCount);
  }

  checksAliases(change: AttributeChange): boolean {
    if (change.ignoreAliases === true) return false;
    return this.#parts.behaviour.aliasesOfNoExecute || (change.set | change.clear) !== NO_EXECUTE;
  }

  /** The direct map is never executable, and the high mapping's text is never asked through an alias: NX stays as it is. */
  aliasMask(mask: number): number {
    return mask & ~NO_EXECUTE;
  }

  /** should_split_large_page(): 'same' and 'rewrite' keep the leaf. `enforce`: it breaks the static protections already. */
  largeLeafVerdict(
    change: Masks,
    leaf: { readonly flags: number; readonly frame: number; readonly firstPage: number; readonly pageCount: number },
    page: number,
    pagesLeft: number,
  ): 'same' | 'rewrite' | 'split' | 'split-enforcing' {
    const { staticProtections } = this.#parts;
    if (change.forceSplit === true) return 'split';
    const { firstPage, frame: firstFrame, pageCount } = leaf;
    const forbidden = staticProtections.forbidden({
      flags: leaf.flags,
      firstPage,
      firstFrame,
      pageCount,
      wholeLeaf: true,
    });
    if (isPresent(leaf.flags) && (leaf.flags & forbidden) !== 0) return 'split-enforcing';
    const wanted = changedFlags(leaf.flags, change);
    if (wanted === leaf.flags) return 'same';
    if (page !== firstPage || pagesLeft < pageCount) return 'split';
    return isPresent(wanted) && (wanted & forbidden) !== 0 ? 'split' : 'rewrite';
  }

  #changeEntry(change: Masks, page: number, pagesLeft: number, primary: boolean, result: WalkResult): Outcome {
    const { machine, largePages } = this.#parts;
    for (;;) {
      const place = machine.kernelTables.walk(page);
      const flags = place.table.entryFlags(place.index);
      const frame = place.table.entryFrame(place.index);
      if (flags === 0 && frame === 0) return this.#processFault(page, primary);
      if (place.level === 1) {
        this.#handled = 1;
        this.#frame = frame;
        this.#rewrite(place, page, frame, flags, this.#smallFlags(change, page, frame, flags), result);
        return 0;
      }
      const pageCount = pagesAtLevel(place.level);
      const firstPage = firstPageOf(page, place.level);
      const verdict = this.largeLeafVerdict(change, { flags, frame, firstPage, pageCount }, page, pagesLeft);
      if (verdict === 'same' || verdict === 'rewrite') {
        this.#handled = Math.min(pagesLeft, firstPage + pageCount - page);
        this.#frame = frame + (page - firstPage);
        if (verdict === 'rewrite') this.#rewrite(place, page, frame, flags, changedFlags(flags, change), result);
        return 0;
      }
      const outcome = largePages.split(place, page, verdict === 'split-enforcing');
      if (outcome !== 0) return outcome;
    }
  }

  #smallFlags(change: Masks, firstPage: number, firstFrame: number, old: number): number {
    const flags = changedFlags(old, change);
    return this.#parts.staticProtections.apply({ flags, firstPage, firstFrame, pageCount: 1, wholeLeaf: false });
  }

  #rewrite(place: EntryPlace, page: number, frame: number, old: number, flags: number, result: WalkResult): void {
    if (flags === old) return;
    this.#verifyWriteXorExecute(old, flags, page);
    place.table.setEntry(place.index, frame, flags);
    result.changed = true;
  }

  /** verify_rwx(): a mapping that becomes both writable and executable is warned of and made all the same. */
  #verifyWriteXorExecute(old: number, flags: number, page: number): void {
    const { behaviour, log, machine } = this.#parts;
    if (((old ^ flags) & (WRITABLE | NO_EXECUTE)) === 0) return;
    machine.countRights(flags);
    if (!behaviour.warnsOfWriteAndExecute) return;
    if (isWritable(flags) && isExecutable(flags)) log.warn(`CPA detected W^X violation: page 0x${page.toString(16)}`);
  }

  /** __cpa_process_fault(): holes are expected in the direct map and behind aliases, and an error anywhere else. */
  #processFault(page: number, primary: boolean): Outcome {
    const { directMap, log } = this.#parts;
    this.#handled = 1;
    if (!primary) return 0;
    if (directMap.has(page)) {
      this.#frame = directMap.frameOf(page);
      return 0;
    }
    log.warn('CPA: called for zero pte');
    return '-EFAULT';
  }

  #aliasMasks(change: AttributeChange): Masks {
    return { ...change, set: this.aliasMask(change.set), clear: this.aliasMask(change.clear) };
  }

  /**
   * cpa_process_alias(): the direct map, then the kernel image's high mapping, whose errors are ignored. That an alias changed
   * does not count as a change of the primary range: the kernel works on a copy of its state there.
   */
  #changeAliases(page: number, frame: number, count: number, masks: Masks, result: WalkResult): void {
    const { directMap, image, machine } = this.#parts;
    if (!directMap.has(page) && frame < machine.configuration.frames) {
      result.forceFlushAll = true;
      result.outcome = this.#walkAlias(directMap.pageOf(frame), count, masks);
      if (result.outcome !== 0) return;
    }
    const high = image.pageOfFrame(frame);
    if (high !== undefined && high !== page) {
      result.forceFlushAll = true;
      this.#walkAlias(high, count, masks);
    }
  }

  #walkAlias(first: number, count: number, masks: Masks): Outcome {
    const result: WalkResult = { outcome: 0, changed: false, forceFlushAll: false };
    this.#walkRange(first, count, masks, undefined, result, false);
    return result.outcome;
  }
}

/** The entry's flags after the change. GLOBAL would read as PROTNONE in an entry that is not present, so it goes then. */
function changedFlags(flags: number, { set, clear }: Masks): number {
  const changed = (flags & ~clear) | set;
  return isPresent(changed) ? changed : changed & ~GLOBAL;
}
