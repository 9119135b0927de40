import { JournaledArray } from '../../base/journal.ts';
import type { VmArea } from '../kernel/user-memory/vm-area.ts';
import type { Arena, ArenaSurroundings } from './arena.ts';
import { high32, low32, slotOf } from './arena-address.ts';

/** A range of pages that a free call gives back, after clamping. */
export interface FreedRange {
  readonly arena: Arena;
  /** The raw slot of the first page: far above the arena when the address lies below its base. */
  readonly slot: number;
  /** The window index of the first page. */
  readonly index: number;
  /** The page number of the first page in user space. */
  readonly userPage: number;
  readonly count: number;
}

/** A free that has cleared the kernel's entries and still has to zap user entries and to release the frames. */
export interface FreeInFlight extends FreedRange {
  readonly frames: readonly number[];
  /** What is still to do; between `zap` and `walk` the areas to visit are noted. */
  stage: 'zap' | 'walk' | 'release' | 'done';
  /** Areas that the zap has found in the records of the arena and will walk. */
  noted: readonly NotedArea[];
}

/** An area as the zap found it, with where it began: a later kernel looks it up there again. */
interface NotedArea {
  readonly area: VmArea;
  readonly first: number;
}

/**
 * bpf_arena_free_pages() (kernel/bpf/arena.c) for all arenas of a kernel. Since 7.0 a free has three stages between which
 * others run, and one from a call site that must not sleep waits as a span for a worker.
 */
export class ArenaFrees {
  readonly #parts: ArenaSurroundings;
  /** Queued spans of all arenas, the oldest first; the worker takes the newest first, as from a lock-less list. */
  readonly #spans: JournaledArray<FreedRange>;

  constructor(parts: ArenaSurroundings) {
    this.#parts = parts;
    this.#spans = new JournaledArray<FreedRange>(parts.journal);
  }

  get spans(): readonly FreedRange[] {
    return this.#spans.items;
  }

  /** The whole call. It has no answer. */
  free(arena: Arena, address: bigint, count: number, sleepable: boolean): void {
    const range = this.rangeToFree(arena, address, count);
    if (range === undefined) return;
    if (!sleepable || this.cannotLock()) this.defer(range);
    else if (this.#parts.profile.freeInStages) this.finish(this.begin(range));
    else this.freeUnderMutex(range);
  }

  /** A call that cannot have the lock leaves its range to the worker, and the worker leaves it to its next run (facts J5). */
  cannotLock(): boolean {
    return this.#parts.profile.lock === 'rqspinlock' && this.#parts.failing.next('lock');
  }

  /** What the arguments name: the address is rounded down, the end clamped. Undefined when there is nothing to free. */
  rangeToFree(arena: Arena, address: bigint, count: number): FreedRange | undefined {
    if (address === 0n || count === 0) return undefined;
    const address32 = (low32(address) & ~0xfff) >>> 0;
    const full = high32(arena.userStart) | BigInt(address32);
    if (full < arena.userStart && this.ignoresBelowBase()) return undefined;
    const past = full + BigInt(count) * 4096n;
    const end = past < arena.userEnd ? past : arena.userEnd;
    if (full >= end) return undefined;
    return {
      arena,
      slot: slotOf(address32, arena.start32),
      index: address32 >>> 12,
      userPage: Number(full >> 12n),
      count: Number((end - full) >> 12n),
    };
  }

  ignoresBelowBase(): boolean {
    return this.#parts.profile.freeBelowBase === 'ignored';
  }

  /** To 6.19: all under one mutex; user entries of several pages go first, those of a single one with its page. */
  freeUnderMutex(range: FreedRange): void {
    const { arena, index, count } = range;
    this.markFree(range);
    if (count > 1) this.zap(range);
    arena.window.eachPresent(index, index + count, (at, frame) => {
      if (count === 1 && this.looksMapped(frame)) this.zap(range);
      arena.window.clear(at);
      arena.window.flush(at, at + 1);
      this.#parts.references.drop(frame);
    });
  }

  /** Puts the slots into the book; that this can fail is ignored (F28). */
  markFree({ arena, slot, count }: FreedRange): void {
    arena.free.release(slot, count);
  }

  /** Since 7.0, under the spinlock: clears the kernel's entries and marks the slots free; flushes after the lock. */
  begin(range: FreedRange): FreeInFlight {
    if (!this.#parts.profile.latent.has('L3')) this.#forgetQueued(range);
    const frames = this.takeFromKernel(range);
    return { ...range, frames, stage: 'zap', noted: [] };
  }

  /** Without the lock: several pages are always zapped, a single one where it looks mapped by a user. Returns whom it walked. */
  zapUsers(inFlight: FreeInFlight): readonly VmArea[] {
    let walked: readonly VmArea[] = [];
    if (inFlight.stage === 'walk') walked = this.walkNoted(inFlight);
    else if (this.concernsUsers(inFlight)) this.zap(inFlight);
    this.#parts.journal.set(inFlight, 'stage', 'release');
    return walked;
  }

  concernsUsers({ count, frames }: FreeInFlight): boolean {
    return count > 1 || frames.some((frame) => this.looksMapped(frame));
  }

  /** The zap has read the list of records and is about to walk their areas; nothing keeps those where they are. */
  noteAreas(inFlight: FreeInFlight): void {
    const { items } = inFlight.arena.records;
    const noted = this.concernsUsers(inFlight) ? items.map(({ area }) => ({ area, first: area.first })) : [];
    this.#parts.journal.set(inFlight, 'noted', noted);
    this.#parts.journal.set(inFlight, 'stage', 'walk');
  }

  /** Walks the areas noted, also those that are gone; since 80b89d0226a0 (7.2) only what is found again under mmap_lock. */
  walkNoted({ noted, arena, userPage, count }: FreeInFlight): readonly VmArea[] {
    const walked = noted.filter((found) => this.isFoundAgain(arena, found)).map(({ area }) => area);
    for (const area of walked) {
      const first = Math.max(userPage, area.first);
      const end = Math.min(userPage + count, area.end);
      if (first < end) area.process.zap(first, end);
    }
    return walked;
  }

  isFoundAgain(arena: Arena, { area, first }: NotedArea): boolean {
    if (this.#parts.profile.zapBy === 'recorded-area') return true;
    const found = area.process.areaAt(first);
    return found === area && found.first === first && arena.records.items.some((record) => record.area === found);
  }

  release(inFlight: FreeInFlight): void {
    for (const frame of inFlight.frames) this.#parts.references.drop(frame);
    this.#parts.journal.set(inFlight, 'stage', 'done');
  }

  finish(inFlight: FreeInFlight): void {
    if (inFlight.stage !== 'release') this.zapUsers(inFlight);
    this.release(inFlight);
  }

  /** Queues a span for the worker. Without memory for one the pages stay occupied until the map goes. */
  defer(range: FreedRange): void {
    if (!this.#parts.failing.next('free span')) this.#spans.push(range);
  }

  /** Takes pages that are freed now out of the queued spans: kernels leave them to be freed once more (L3). */
  #forgetQueued({ arena, slot, count }: FreedRange): void {
    const meets = (span: FreedRange) =>
      span.arena === arena && span.slot < slot + count && span.slot + span.count > slot;
    for (let index = this.#spans.length - 1; index >= 0; index--) {
      if (!meets(this.#spans.at(index)!)) continue;
      const span = this.#spans.remove(index);
      const before = slot - span.slot;
      const after = slot + count - span.slot;
      if (before > 0) this.#spans.insert(index, { ...span, count: before });
      if (after < span.count) this.#spans.insert(index, shifted(span, after));
    }
  }

  /** arena_free_worker(): clears and marks the arena's spans one by one, then flushes, zaps (always) and releases. */
  drain(arena: Arena): number {
    if (this.cannotLock()) return 0;
    const taken: FreeInFlight[] = [];
    for (let index = this.#spans.length - 1; index >= 0; index--) {
      if (this.#spans.at(index)?.arena === arena) taken.push(this.begin(this.#spans.remove(index)));
    }
    for (const span of taken) {
      this.zapSpan(span);
      this.release(span);
    }
    return taken.length;
  }

  zapSpan(span: FreedRange): void {
    this.zap(span);
  }

  /** page_mapped(): somebody beside the kernel's window holds the page. */
  looksMapped(frame: number): boolean {
    return this.#parts.references.count(frame) > 1;
  }

  /** zap_pages(): removes the user entries of the range in every recorded area, as far as the area reaches. */
  zap({ arena, userPage, count }: FreedRange): void {
    for (const { area } of arena.records.items) {
      const first = Math.max(userPage, area.first);
      const end = Math.min(userPage + count, area.end);
      if (first < end) area.process.zap(first, end);
    }
  }

  /** Clears the entries and marks the slots free, then flushes what was cleared. The scratch page is not a page to free. */
  takeFromKernel(range: FreedRange): readonly number[] {
    const { arena, index, count } = range;
    const frames: number[] = [];
    let cleared = false;
    arena.window.eachPresent(index, index + count, (at, frame) => {
      if (frame !== arena.scratch) frames.push(frame);
      arena.window.clear(at);
      cleared = true;
    });
    this.markFree(range);
    if (cleared) arena.window.flush(index, index + count);
    return frames;
  }
}

/** What is left of a range without its first pages. */
function shifted(range: FreedRange, pages: number): FreedRange {
  const { slot, index, userPage, count } = range;
  return { ...range, slot: slot + pages, index: index + pages, userPage: userPage + pages, count: count - pages };
}
