import { type Journal, JournaledArray } from '../../base/journal.ts';
import type { FailurePlan } from '../kernel/failing.ts';
import type { MemoryCgroup } from '../kernel/memory-cgroup.ts';
import type { PageReferences } from '../kernel/user-memory/page-references.ts';
import type { VmArea } from '../kernel/user-memory/vm-area.ts';
import type { VmapArea } from '../kernel/vmap-areas.ts';
import type { Machine } from '../machine/machine.ts';
import { high32, low32, slotOf, windowIndexOf } from './arena-address.ts';
import { type ArenaAttributes, BPF_F_NO_USER_CONV, BPF_F_SEGV_ON_FAULT } from './arena-attributes.ts';
import type { FreeRanges } from './arena-free-ranges.ts';
import type { ArenaProfile } from './arena-profile.ts';
import type { ArenaWindow } from './arena-window.ts';

/** What an arena needs of the kernel around it. Each internal allocation asks `failing` whether it fails. */
export interface ArenaSurroundings {
  readonly journal: Journal;
  readonly machine: Machine;
  readonly references: PageReferences;
  readonly profile: ArenaProfile;
  readonly failing: FailurePlan;
}

/** `struct vma_list`: one record per mmap() call, shared by the copies of its area. */
export interface VmaRecord {
  area: VmArea;
  sharers: number;
}

/** The records of an arena. A class of its own, so that the journal tells which list changed. */
export class VmaRecords extends JournaledArray<VmaRecord> {}

/** What an arena is made of. */
interface ArenaParts {
  readonly surroundings: ArenaSurroundings;
  readonly attributes: ArenaAttributes;
  readonly vmap: VmapArea;
  readonly free: FreeRanges;
  readonly window: ArenaWindow;
  readonly payer: MemoryCgroup | undefined;
}

/**
 * `struct bpf_arena`: the book of free slots, the kernel window and the records of user mappings. What programs and
 * processes do with it stands beside it: arena-allocator, arena-frees, arena-user-side, arena-program.
 */
export class Arena {
  readonly surroundings: ArenaSurroundings;
  readonly attributes: ArenaAttributes;
  readonly free: FreeRanges;
  readonly window: ArenaWindow;
  /** The kernel area that holds the window. */
  readonly vmap: VmapArea;
  readonly records: VmaRecords;
  /** The memory cgroup of whoever created the map: it pays for every page, whoever touches it. Undefined is the root. */
  readonly payer: MemoryCgroup | undefined;
  readonly segvOnFault: boolean;
  readonly convertsToUser: boolean;
  /** user_vm_start and user_vm_end, both 0 while unknown. Set once, for good. */
  userStart = 0n;
  userEnd = 0n;
  frozen = false;
  /** Whether somebody holds the lock of slots and entries: between steps nobody does. */
  locked = false;
  /** Programs that use the arena, and calls of theirs that are under way: each keeps the map alive. */
  users = 0;
  /** map->writecnt: an arena's mappings never give it back (facts L5). */
  writers = 0;
  #lastRange = rangeOf(0n, 0n);

  constructor({ surroundings, attributes, vmap, free, window, payer }: ArenaParts) {
    this.surroundings = surroundings;
    this.attributes = attributes;
    this.vmap = vmap;
    this.free = free;
    this.window = window;
    this.payer = payer;
    this.records = new VmaRecords(surroundings.journal);
    this.segvOnFault = (attributes.flags & BPF_F_SEGV_ON_FAULT) !== 0;
    this.convertsToUser = (attributes.flags & BPF_F_NO_USER_CONV) === 0;
    if (attributes.mapExtra !== 0n) {
      this.userStart = attributes.mapExtra;
      this.userEnd = attributes.mapExtra + BigInt(attributes.maxEntries) * 4096n;
    }
  }

  /** The frame of the page that stands in where kernel code touches an absent one, in kernels that have it. */
  get scratch(): number | undefined {
    return this.window.scratch;
  }

  /** Pages of the user's range, which bounds what programs may ask for; not max_entries. */
  get userPages(): number {
    return this.#range.pages;
  }

  /** The page number of the user's start. */
  get startPage(): number {
    return this.#range.startPage;
  }

  get start32(): number {
    return this.#range.start32;
  }

  /** The slot of an address, of which only the low half counts. */
  slotAt(address: bigint): number {
    return slotOf(low32(address), this.start32);
  }

  /** The window index of a slot. */
  indexOf(slot: number): number {
    return windowIndexOf(slot, this.start32);
  }

  /** The user address of a slot: the upper half of the base and the low half of the sum, which may wrap. */
  addressOf(slot: number): bigint {
    return high32(this.userStart) | BigInt(this.indexOf(slot) * 4096);
  }

  /** The range in numbers, worked out once: every step asks for it. */
  get #range(): UserRange {
    let range = this.#lastRange;
    if (range.userStart !== this.userStart || range.userEnd !== this.userEnd) {
      range = rangeOf(this.userStart, this.userEnd);
      this.#lastRange = range;
    }
    return range;
  }

  set<Key extends 'userStart' | 'userEnd' | 'frozen' | 'locked' | 'users' | 'writers'>(
    key: Key,
    value: this[Key],
  ): void {
    this.surroundings.journal.set(this as Arena, key, value as Arena[Key]);
  }
}

/** A user range with its numbers. */
interface UserRange {
  readonly userStart: bigint;
  readonly userEnd: bigint;
  readonly start32: number;
  readonly startPage: number;
  readonly pages: number;
}

function rangeOf(userStart: bigint, userEnd: bigint): UserRange {
  const pages = Number((userEnd - userStart) >> 12n);
  return { userStart, userEnd, start32: low32(userStart), startPage: Number(userStart >> 12n), pages };
}
