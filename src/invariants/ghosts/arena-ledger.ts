import { JournaledMap } from '../../base/journal.ts';
import { OrderedSet } from '../../base/ordered-set.ts';
import type { Ghost, Happened } from '../../language/invariant.ts';
import { Refusal } from '../../language/operation.ts';
import type { ArenaWorld } from '../../model/arena-world.ts';
import { Arena, VmaRecords } from '../../model/bpf/arena.ts';
import type { FreeInFlight } from '../../model/bpf/arena-frees.ts';
import { ArenaWindow } from '../../model/bpf/arena-window.ts';
import { LiveArenas } from '../../model/bpf/arenas.ts';
import { Process } from '../../model/kernel/user-memory/process.ts';
import type { FaultInFlight } from '../../model/kernel/user-memory/user-faults.ts';
import { AreaList, VmArea } from '../../model/kernel/user-memory/vm-area.ts';
import { BookChanges, type TouchedSlots } from './arena-book-changes.ts';
import { type FreeRun, freeRunsOf } from './arena-free-runs.ts';
import { ArenaFrames, ArenaHolders } from './arena-holders.ts';

/** A page of a process whose entry, or what it should be, a step can have changed. */
export interface TouchedPage {
  readonly process: Process;
  readonly page: number;
}

/** An entry of a kernel window that a step made or took away; `frame` is undefined where it stands empty now. */
export interface TouchedEntry {
  readonly arena: Arena;
  readonly index: number;
  readonly frame: number | undefined;
}

/**
 * What the page tables say about arenas, kept a second time: the frame of every kernel index and user page, and who holds
 * each frame. It reads the tables in memory where the journal says that an entry changed, and never asks the arena's code.
 */
export class ArenaLedger {
  /** The books of free slots that the step changed. */
  readonly books = new BookChanges();
  readonly slots: TouchedSlots[] = [];
  readonly pages: TouchedPage[] = [];
  readonly frames: number[] = [];
  readonly entries: TouchedEntry[] = [];
  readonly holders: ArenaHolders;
  /** How many of {@link entries} hold a page now. */
  populated = 0;
  /** Whether the last step can have changed an arena as a whole: its fields, its records, or the areas that map it. */
  arenasChanged = false;
  /** Arenas that were ever made, with what their windows map; those that are gone stay in view. */
  readonly #windows: JournaledMap<ArenaWindow, ArenaFrames>;
  readonly #frames: ArenaFrames[] = [];
  readonly #world: ArenaWorld;

  constructor(world: ArenaWorld) {
    this.#world = world;
    this.holders = new ArenaHolders(world.journal);
    this.#windows = new JournaledMap(world.journal);
  }

  /** The frame that the kernel's tables give for an index of the window. */
  kernelFrame({ window }: Arena, index: number): number | undefined {
    return this.#windows.get(window)?.at(index);
  }

  /** How many entries of the window hold a page. */
  mappedBy({ window }: Arena): number {
    return this.#windows.get(window)?.count ?? 0;
  }

  userFrame(process: Process, page: number): number | undefined {
    return this.#frames[process.number]?.at(page);
  }

  /** Every user entry. */
  *userPages(): Generator<TouchedPage> {
    for (const process of this.#world.processes.items) {
      for (const page of this.#frames[process.number]?.places() ?? []) yield { process, page };
    }
  }

  /** Every entry of every kernel window that was ever there. */
  *kernelEntries(): Generator<TouchedEntry> {
    for (const { arena } of this.#world.arenas.live) {
      const frames = this.#windows.get(arena.window);
      for (const index of frames?.places() ?? []) yield { arena, index, frame: frames?.at(index) };
    }
  }

  follow(happened: Happened): void {
    this.#forget();
    const { live } = this.#world.arenas;
    for (let index = 0; index < live.length; index++) this.#learn(live[index]!.arena);
    happened.changes.each(this.#changed);
    this.#callsChanged(happened);
    this.books.finish(this.slots, live);
  }

  #forget(): void {
    this.arenasChanged = false;
    this.populated = 0;
    this.books.forget();
    if (this.frames.length > 0) this.frames.length = 0;
    if (this.pages.length > 0) this.pages.length = 0;
    if (this.slots.length > 0) this.slots.length = 0;
    if (this.entries.length > 0) this.entries.length = 0;
  }

  #learn(arena: Arena): void {
    if (this.#windows.has(arena.window)) return;
    this.#windows.set(arena.window, new ArenaFrames(this.#world.journal, arena));
    this.books.learn(freeRunsOf(arena), arena);
  }

  /** A field, since the journal is walked after every step. */
  readonly #changed = (owner: object, key: unknown, old: unknown): void => {
    switch (owner.constructor) {
      case ArenaWindow:
        this.#kernelChanged(owner as ArenaWindow, key as number);
        break;
      case Process:
        if (typeof key === 'number') this.#userChanged(owner as Process, key);
        break;
      case OrderedSet:
        this.books.changed(owner as OrderedSet<FreeRun>, key === 'added', old as FreeRun);
        break;
      case Arena:
      case VmArea:
      case AreaList:
      case VmaRecords:
      case LiveArenas:
        this.arenasChanged = true;
    }
  };

  #kernelChanged(window: ArenaWindow, index: number): void {
    const frames = this.#windows.get(window);
    if (frames?.arena === undefined) return;
    const { arena } = frames;
    const now = this.#world.machine.kernelTables.frameOf(window.first + index);
    if (!this.#put(frames, index, now, 'kernel')) return;
    this.entries.push({ arena, index, frame: now < 0 ? undefined : now });
    if (now >= 0) this.populated++;
    const slot = (index - (arena.start32 >>> 12) + 2 ** 21) % 2 ** 20;
    this.slots.push({ arena, first: slot, last: slot });
    const page = arena.startPage + slot;
    const processes = this.#world.processes.items;
    for (let at = 0; at < processes.length; at++) this.pages.push({ process: processes[at]!, page });
  }

  #userChanged(process: Process, page: number): void {
    const table = process.space.user?.lowestTable(page);
    const now = table === undefined || table.word(2 * (page % 512)) === 0 ? -1 : table.entryFrame(page % 512);
    let frames = this.#frames[process.number];
    if (frames === undefined) {
      frames = new ArenaFrames(this.#world.journal);
      this.#frames[process.number] = frames;
    }
    this.#put(frames, page, now, 'user');
    this.pages.push({ process, page });
  }

  /** Frames that a free or a fault under way has taken out of the tables, or not put into them yet. */
  #callsChanged({ operation, taken, returned }: Happened): void {
    const refused = returned instanceof Refusal;
    switch (operation.name) {
      case 'arena_free_begin':
        if (!refused) for (const frame of (returned as FreeInFlight).frames) this.#hold(frame, 'call', 1);
        break;
      case 'arena_free_release':
        for (const frame of (taken.freeing as FreeInFlight).frames) this.#hold(frame, 'call', -1);
        this.#touchFreed(taken.freeing as FreeInFlight);
        break;
      case 'arena_free_zap':
        this.#touchFreed(taken.freeing as FreeInFlight);
        break;
      case 'arena_vm_fault':
        if (!refused) this.#hold((returned as FaultInFlight).frame, 'call', 1);
        break;
      case 'finish_fault':
        this.#hold((taken.fault as FaultInFlight).frame, 'call', -1);
    }
  }

  /** After the zap no user entry of the range may be left. */
  #touchFreed({ userPage, count }: FreeInFlight): void {
    for (const process of this.#world.processes.items) {
      process.eachEntry(userPage, userPage + count, (_table, _index, page) => this.pages.push({ process, page }));
    }
  }

  /** False when the entry says what it said before. */
  #put(frames: ArenaFrames, place: number, now: number, by: 'kernel' | 'user'): boolean {
    const before = frames.at(place) ?? -1;
    if (before === now) return false;
    frames.set(place, now);
    if (before >= 0) this.#hold(before, by, -1);
    if (now >= 0) this.#hold(now, by, 1);
    return true;
  }

  #hold(frame: number, by: 'kernel' | 'user' | 'call', more: number): void {
    this.holders.count(frame, by, more);
    this.frames.push(frame);
  }
}

const ledgers = new WeakMap<ArenaWorld, ArenaLedger>();
let last: { readonly world: ArenaWorld; readonly ledger: ArenaLedger } | undefined;

/** The ledger of a world whose suite has a law that needs it. */
export function ledgerOf(world: ArenaWorld): ArenaLedger {
  if (last?.world !== world) last = { world, ledger: ledgers.get(world)! };
  return last.ledger;
}

/** The ghost that keeps it. */
export const arenaLedger: Ghost<ArenaWorld> = {
  name: 'arena-ledger',
  begin(world) {
    ledgers.set(world, new ArenaLedger(world));
    last = undefined;
  },
  follow: (world, happened) => ledgerOf(world).follow(happened),
};
