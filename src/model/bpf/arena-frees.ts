import { JournaledArray } from '../../base/journal.ts';
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
  /** What is still to do. */
  stage: 'zap' | 'release' | 'done';
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
    if (!sleepable) this.defer(range);
    else if (this.#parts.profile.freeInStages) this.finish(this.begin(range));
    else this.freeUnderMutex(range);
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
    const { arena, index, count } = range;
    const frames = this.takeFromKernel(range);
    if (frames.length > 0) arena.window.flush(index, index + count);
    return { ...range, frames, stage: 'zap' };
  }

  /** Without the lock: several pages are always zapped, a single one where it looks mapped by a user. */
  zapUsers(inFlight: FreeInFlight): void {
    if (inFlight.count > 1 || inFlight.frames.some((frame) => this.looksMapped(frame))) this.zap(inFlight);
    this.#parts.journal.set(inFlight, 'stage', 'release');
  }

  release(inFlight: FreeInFlight): void {
    for (const frame of inFlight.frames) this.#parts.references.drop(frame);
    this.#parts.journal.set(inFlight, 'stage', 'done');
  }

  finish(inFlight: FreeInFlight): void {
    if (inFlight.stage === 'zap') this.zapUsers(inFlight);
    this.release(inFlight);
  }

  /** Queues a span for the worker. Without memory for one the pages stay occupied until the map goes. */
  defer(range: FreedRange): void {
    if (!this.#parts.failing.next('free span')) this.#spans.push(range);
  }

  /** arena_free_worker(): clears and marks the arena's spans one by one, then flushes, zaps (always) and releases. */
  drain(arena: Arena): number {
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

  /** Clears the entries and marks the slots free: one critical section. The scratch page is not a page to free. */
  takeFromKernel(range: FreedRange): readonly number[] {
    const { arena, index, count } = range;
    const frames: number[] = [];
    arena.window.eachPresent(index, index + count, (at, frame) => {
      if (frame !== arena.scratch) frames.push(frame);
      arena.window.clear(at);
    });
    this.markFree(range);
    return frames;
  }
}
