import { JournaledArray, JournaledMap } from '../../base/journal.ts';
import { OrderedSet } from '../../base/ordered-set.ts';
import type { Ghost, Happened } from '../../language/invariant.ts';
import { Refusal } from '../../language/operation.ts';
import type { ArenaWorld } from '../../model/arena-world.ts';
import { Arena } from '../../model/bpf/arena.ts';
import type { FreeInFlight } from '../../model/bpf/arena-frees.ts';
import { ArenaWindow } from '../../model/bpf/arena-window.ts';
import { Process } from '../../model/kernel/user-memory/process.ts';
import type { FaultInFlight } from '../../model/kernel/user-memory/user-faults.ts';
import { VmArea } from '../../model/kernel/user-memory/vm-area.ts';
import { type FreeRun, freeRunsOf } from './arena-free-runs.ts';

/** Slots [first, last] of an arena whose state a step can have changed. */
export interface TouchedSlots {
  readonly arena: Arena;
  readonly first: number;
  readonly last: number;
}

/** A page of a process whose entry, or what it should be, a step can have changed. */
export interface TouchedPage {
  readonly process: Process;
  readonly page: number;
}

/** A free run that a step put into the book. */
export interface TouchedRun {
  readonly arena: Arena;
  readonly run: FreeRun;
}

/** Who holds a frame, by the tables and by calls that are under way. */
interface Holders {
  readonly kernel: number;
  readonly user: number;
  readonly underWay: number;
}

const NOBODY: Holders = { kernel: 0, user: 0, underWay: 0 };

/**
 * What the page tables say about arenas, kept a second time: the frame of every kernel index and user page, and who holds
 * each frame. It reads the tables in memory where the journal says that an entry changed, and never asks the arena's code.
 */
export class ArenaLedger {
  readonly runs: TouchedRun[] = [];
  readonly slots: TouchedSlots[] = [];
  readonly pages: TouchedPage[] = [];
  readonly frames = new Set<number>();
  /** Kernel entries that the last step made. */
  readonly populated: { readonly arena: Arena; readonly index: number; readonly frame: number }[] = [];
  /** Whether the last step can have changed an arena as a whole: its fields, its records, or the areas that map it. */
  arenasChanged = false;
  /** Arenas that were ever made; those that are gone keep their windows in view. */
  readonly #arenas: JournaledMap<ArenaWindow, Arena>;
  readonly #kernel: JournaledMap<number, number>;
  readonly #user: JournaledMap<number, number>;
  readonly #holders: JournaledMap<number, Holders>;

  constructor({ journal }: ArenaWorld) {
    this.#arenas = new JournaledMap(journal);
    this.#kernel = new JournaledMap(journal);
    this.#user = new JournaledMap(journal);
    this.#holders = new JournaledMap(journal);
  }

  holders(frame: number): Holders {
    return this.#holders.get(frame) ?? NOBODY;
  }

  /** The frame that the kernel's tables give for an index of the window. */
  kernelFrame(arena: Arena, index: number): number | undefined {
    return this.#kernel.get(arena.window.first + index);
  }

  userFrame(process: Process, page: number): number | undefined {
    return this.#user.get(keyOf(process, page));
  }

  /** Every frame that somebody holds or held. */
  heldFrames(): Iterable<number> {
    return this.#holders.keys();
  }

  /** Every user entry. */
  *userPages(world: ArenaWorld): Generator<TouchedPage> {
    for (const key of this.#user.keys()) {
      const process = world.processes.at(Math.floor(key / PROCESS) - 1);
      if (process !== undefined) yield { process, page: key % PROCESS };
    }
  }

  follow(world: ArenaWorld, happened: Happened): void {
    this.#forget();
    for (const { arena } of world.arenas.live)
      if (!this.#arenas.has(arena.window)) this.#arenas.set(arena.window, arena);
    const edges = new Map<Arena, number[]>();
    happened.changes.each((owner, key, old) => {
      if (owner instanceof Arena || owner instanceof VmArea || owner instanceof JournaledArray)
        this.arenasChanged = true;
      else if (owner instanceof ArenaWindow) this.#kernelChanged(world, owner, key as number);
      else if (owner instanceof Process && typeof key === 'number') this.#userChanged(owner, key);
      else if (owner instanceof OrderedSet) this.#runChanged(world, owner, old as FreeRun, edges);
    });
    this.#callsChanged(world, happened);
    for (const [arena, ends] of edges) this.#touchSlotsBetween(arena, ends);
    this.#touchRuns(edges);
  }

  #forget(): void {
    this.arenasChanged = false;
    this.runs.length = 0;
    this.slots.length = 0;
    this.pages.length = 0;
    this.populated.length = 0;
    if (this.frames.size > 0) this.frames.clear();
  }

  #kernelChanged(world: ArenaWorld, window: ArenaWindow, index: number): void {
    const arena = this.#arenas.get(window);
    if (arena === undefined) return;
    const page = window.first + index;
    const before = this.#kernel.get(page);
    const now = world.machine.kernelTables.translate(page)?.frame;
    if (before === now) return;
    this.#put(this.#kernel, page, before, now, 'kernel');
    if (now !== undefined) this.populated.push({ arena, index, frame: now });
    const slot = (((index - (arena.start32 >>> 12)) % 2 ** 20) + 2 ** 20) % 2 ** 20;
    this.slots.push({ arena, first: slot, last: slot });
    const userPage = Number(arena.userStart >> 12n) + slot;
    for (const process of world.processes.items) this.pages.push({ process, page: userPage });
  }

  #userChanged(process: Process, page: number): void {
    const key = keyOf(process, page);
    const before = this.#user.get(key);
    const entry = process.space.user?.walk(page);
    const mapped = entry !== undefined && entry.level === 1 && entry.table.word(2 * entry.index) !== 0;
    const now = mapped ? entry.table.entryFrame(entry.index) : undefined;
    this.pages.push({ process, page });
    if (before !== now) this.#put(this.#user, key, before, now, 'user');
  }

  /** Where runs came and went, the slots between the ends that do not cancel out have changed their state. */
  #runChanged(world: ArenaWorld, set: OrderedSet<unknown>, run: FreeRun, edges: Map<Arena, number[]>): void {
    const owner = world.arenas.live.find(({ arena }) => freeRunsOf(arena) === set);
    if (owner === undefined) return;
    const ends = edges.get(owner.arena) ?? [];
    ends.push(run.first, run.last + 1);
    edges.set(owner.arena, ends);
  }

  #touchSlotsBetween(arena: Arena, ends: number[]): void {
    ends.sort((left, right) => left - right);
    let from: number | undefined;
    for (let at = 0; at < ends.length; ) {
      let next = at;
      while (ends[next] === ends[at]) next++;
      if ((next - at) % 2 === 1) {
        if (from !== undefined) this.slots.push({ arena, first: from, last: ends[at]! - 1 });
        from = from === undefined ? ends[at] : undefined;
      }
      at = next;
    }
  }

  /** The runs that stand now where runs changed, and their neighbours. */
  #touchRuns(edges: ReadonlyMap<Arena, readonly number[]>): void {
    for (const [arena, ends] of edges) {
      const runs = freeRunsOf(arena);
      const seen = new Set<FreeRun>();
      for (const end of ends) {
        const probe = { first: end, last: end, stamp: 0 };
        for (const run of [runs.floor(probe), runs.ceiling(probe)]) if (run !== undefined) seen.add(run);
      }
      for (const run of seen) this.runs.push({ arena, run });
    }
  }

  /** Frames that a free or a fault under way has taken out of the tables, or not put into them yet. */
  #callsChanged(world: ArenaWorld, { operation, taken, returned }: Happened): void {
    const refused = returned instanceof Refusal;
    if (operation.name === 'arena_free_begin' && !refused) {
      for (const frame of (returned as FreeInFlight).frames) this.#hold(frame, 'underWay', 1);
    }
    if (operation.name === 'arena_free_release') {
      for (const frame of (taken.freeing as FreeInFlight).frames) this.#hold(frame, 'underWay', -1);
    }
    if (operation.name === 'arena_free_zap') this.#touchFreed(world, taken.freeing as FreeInFlight);
    if (operation.name === 'arena_vm_fault' && !refused) this.#hold((returned as FaultInFlight).frame, 'underWay', 1);
    if (operation.name === 'finish_fault') this.#hold((taken.fault as FaultInFlight).frame, 'underWay', -1);
  }

  /** After the zap no user entry of the range may be left. */
  #touchFreed({ processes }: ArenaWorld, { userPage, count }: FreeInFlight): void {
    for (const process of processes.items) {
      process.space.user?.eachLowestTable(userPage, userPage + count, (_, first) => {
        const end = Math.min(first + 512, userPage + count);
        for (let page = Math.max(first, userPage); page < end; page++) this.pages.push({ process, page });
      });
    }
  }

  #put(
    map: JournaledMap<number, number>,
    key: number,
    before: number | undefined,
    now: number | undefined,
    by: 'kernel' | 'user',
  ): void {
    if (before !== undefined) this.#hold(before, by, -1);
    if (now === undefined) map.delete(key);
    else {
      map.set(key, now);
      this.#hold(now, by, 1);
    }
  }

  #hold(frame: number, by: keyof Holders, more: number): void {
    const held = this.holders(frame);
    this.#holders.set(frame, { ...held, [by]: held[by] + more });
    this.frames.add(frame);
  }
}

/** Pages of the user half lie below 2^35: process and page make one key. */
const PROCESS = 2 ** 36;
const keyOf = (process: Process, page: number): number => process.number * PROCESS + page;

const ledgers = new WeakMap<ArenaWorld, ArenaLedger>();

/** The ledger of a world whose suite has a law that needs it. */
export const ledgerOf = (world: ArenaWorld): ArenaLedger => ledgers.get(world)!;

/** The ghost that keeps it. */
export const arenaLedger: Ghost<ArenaWorld> = {
  name: 'arena-ledger',
  begin: (world) => void ledgers.set(world, new ArenaLedger(world)),
  follow: (world, happened) => ledgerOf(world).follow(world, happened),
};
