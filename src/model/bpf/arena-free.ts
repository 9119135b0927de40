import type { Arena } from './arena.ts';
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
}

/** bpf_arena_free_pages(), from a call site that may sleep. It has no answer. */
export function freePages(arena: Arena, address: bigint, count: number): void {
  const range = rangeToFree(arena, address, count);
  if (range === undefined) return;
  if (arena.surroundings.profile.freeInStages) {
    const inFlight = takeFromKernel(range);
    zapUsers(inFlight);
    releaseFrames(inFlight);
  } else {
    freeUnderMutex(range);
  }
}

/** What the arguments name: the address is rounded down, the end clamped. Undefined when there is nothing to free. */
export function rangeToFree(arena: Arena, address: bigint, count: number): FreedRange | undefined {
  if (address === 0n || count === 0) return undefined;
  const address32 = (low32(address) & ~0xfff) >>> 0;
  const full = high32(arena.userStart) | BigInt(address32);
  if (full < arena.userStart && arena.surroundings.profile.freeBelowBase === 'ignored') return undefined;
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

/** To 6.19: everything under one mutex; user entries of several pages go first, those of a single one with its page. */
function freeUnderMutex(range: FreedRange): void {
  const { arena, slot, index, count } = range;
  const { window, surroundings } = arena;
  arena.free.release(slot, count);
  if (count > 1) zapEverywhere(range);
  window.eachPresent(index, index + count, (at, frame) => {
    if (count === 1 && looksMapped(arena, frame)) zapEverywhere(range);
    window.clear(at);
    window.flush(at, at + 1);
    surroundings.references.drop(frame);
  });
}

/** Since 7.0, under the spinlock: clears the kernel's entries, marks the slots free, and flushes after the lock. */
export function takeFromKernel(range: FreedRange): FreeInFlight {
  const { arena, slot, index, count } = range;
  const frames: number[] = [];
  arena.window.eachPresent(index, index + count, (at, frame) => {
    frames.push(frame);
    arena.window.clear(at);
  });
  arena.free.release(slot, count);
  if (frames.length > 0) arena.window.flush(index, index + count);
  return { ...range, frames };
}

/** Since 7.0, without the lock: several pages are always zapped, a single one where it looks mapped by a user. */
export function zapUsers(inFlight: FreeInFlight): void {
  const { arena, count, frames } = inFlight;
  if (count > 1 || frames.some((frame) => looksMapped(arena, frame))) zapEverywhere(inFlight);
}

export function releaseFrames({ arena, frames }: FreeInFlight): void {
  for (const frame of frames) arena.surroundings.references.drop(frame);
}

/** page_mapped(): somebody beside the kernel's window holds the page. */
function looksMapped({ surroundings }: Arena, frame: number): boolean {
  return surroundings.references.count(frame) > 1;
}

/** zap_pages(): removes the user entries of the range in every recorded area. */
function zapEverywhere({ arena, userPage, count }: FreedRange): void {
  for (const { area } of arena.records.items) {
    const first = Math.max(userPage, area.first);
    const end = Math.min(userPage + count, area.end);
    if (first < end) area.process.zap(first, end);
  }
}
