import type { Happened } from '../../language/invariant.ts';
import { Frame } from '../../model/machine/frame.ts';
import type { Cpu } from '../../model/machine/machine.ts';
import { flagsOf, isExecutable, isPresent, LARGE } from '../../model/machine/page-table-entry.ts';
import type { World } from '../../model/world.ts';

/** What event order needs to know of the page tables as they stood before the step. */
export interface TablesBefore {
  /** The level of a page table, or undefined for a frame that is none. */
  levelOf(table: number): number | undefined;
  isDirectMapTable(table: number): boolean;
  /** Whether a frame is a table of the poking address space. */
  isPokeTable(table: number): boolean;
  /** Whether some entry outside the direct map let the frame be executed. */
  isExecutable(frame: number): boolean;
}

/**
 * The order of what happened inside the last step, read from the journal: writes to page tables, flushes, frames given back,
 * bytes of text written. Each list holds the evidence of one kind of wrong order; the counts say how much there was to judge.
 */
export class EventOrder {
  readonly attributesBeforeSplitFlush: string[] = [];
  readonly tablesFreedBeforeFlush: string[] = [];
  readonly directMapRestoredBeforeFlush: string[] = [];
  readonly textWrittenDirectly: string[] = [];
  readonly executablePokeAlias: string[] = [];
  splits = 0;
  tablesFreed = 0;
  restorations = 0;
  textWrites = 0;
  pokeAliases = 0;
  globalFlushes = 0;
  /** CPUs that ran in the poking address space. */
  readonly pokers = new Set<number>();

  readonly #world: World;
  readonly #tables: TablesBefore;
  /** Tables that a split put in place since the last flush. */
  readonly #freshSplits = new Set<number>();
  /** Levels of tables that the step itself made. */
  readonly #newLevels = new Map<number, number>();
  /** Frames that were handed out or given back in the step: their old text is nobody's any more. */
  readonly #changedOwner = new Set<number>();
  /** By direct-map entry: at which event it was last written while present. */
  readonly #lastPresentWrite = new Map<number, number>();
  /** Direct-map entries written while absent; whether that was before a flush that was due. */
  readonly #absentWrites = new Map<number, boolean>();
  #event = 0;
  #lastFlush = -1;
  #lastFilled = -1;
  #unlinkedTable = false;
  #poking = false;

  constructor(world: World, tables: TablesBefore) {
    this.#world = world;
    this.#tables = tables;
  }

  /** Whether memory came or went in the step, even if it is now as before: a pack can be made and given back in one step. */
  get framesChangedHands(): boolean {
    return this.#changedOwner.size > 0;
  }

  /** Reads the step. Call it while the tables are still known as they were before it. */
  read({ changes }: Happened): void {
    this.#forget();
    if (changes.of(Frame).length === 0) return;
    changes.each(this.#visit);
    this.#judgeRestorations();
  }

  readonly #visit = (owner: object, key: unknown, old: unknown): void => {
    this.#event++;
    if (owner instanceof Frame) this.#frameEvent(owner, key, old);
    else if (owner === this.#world.machine.flushes) this.#flushed(key);
    else if (key === 'space') this.#switchedSpace(owner as Cpu, old);
  };

  #switchedSpace({ number }: Cpu, left: unknown): void {
    if (left === this.#world.textPoke.space) this.pokers.add(number);
    this.#poking = left !== this.#world.textPoke.space;
  }

  #flushed(key: unknown): void {
    if (key !== 'global') return;
    this.globalFlushes++;
    this.#lastFlush = this.#event;
    this.#freshSplits.clear();
    this.#unlinkedTable = false;
  }

  #frameEvent(frame: Frame, key: unknown, old: unknown): void {
    if (key === 'use') {
      this.#changedOwner.add(frame.number);
      if (old === 'page-table') this.#tableFreed(frame);
      return;
    }
    const level = this.#newLevels.get(frame.number) ?? this.#tables.levelOf(frame.number);
    if (level === undefined) this.#contentWritten(frame);
    if (typeof old !== 'number') {
      this.#lastFilled = frame.number;
      return;
    }
    if (level === 1 && this.#tables.isPokeTable(frame.number)) this.#aliasWritten(key as number, old);
    if (this.#freshSplits.has(frame.number)) {
      this.attributesBeforeSplitFlush.push(
        `an entry of the new table in frame ${frame.number} changed before the flush`,
      );
    }
    if (level !== undefined && (key as number) % 2 === 0) this.#entryWritten(frame, (key as number) / 2, level, old);
  }

  #entryWritten(frame: Frame, index: number, level: number, old: number): void {
    const { number } = frame;
    if (level >= 2 && isPresent(old)) {
      if ((old & LARGE) === 0) this.#unlinkedTable = true;
      else if (frame.entryFrame(index) === this.#lastFilled) this.#splitInto(this.#lastFilled, level - 1);
    }
    if (level > 3 || !this.#tables.isDirectMapTable(number)) return;
    const entry = number * 512 + index;
    if (isPresent(old)) this.#lastPresentWrite.set(entry, this.#event);
    else if (old !== 0) this.#absentWrites.set(entry, this.#isUnflushed(entry));
  }

  /** Whether the entry was made absent since the last flush. */
  #isUnflushed(entry: number): boolean {
    return (this.#lastPresentWrite.get(entry) ?? -1) > this.#lastFlush;
  }

  /** Of the entries that were absent when they were written last, those that are present now came back in the step. */
  #judgeRestorations(): void {
    for (const [entry, wasUnflushed] of this.#absentWrites) {
      const table = Math.floor(entry / 512);
      if (!isPresent(this.#world.machine.memory.frame(table).entryFlags(entry % 512))) continue;
      this.restorations++;
      if (wasUnflushed) {
        this.directMapRestoredBeforeFlush.push(`entry ${entry % 512} of direct-map table ${table} came back unflushed`);
      }
    }
  }

  /** A large entry gave way to a pointer to the table that was filled last. */
  #splitInto(table: number, level: number): void {
    if (this.#newLevels.has(table)) return;
    if (this.#world.machine.memory.frame(table).use !== 'page-table') return;
    this.splits++;
    this.#newLevels.set(table, level);
    this.#freshSplits.add(table);
  }

  #tableFreed({ number }: Frame): void {
    this.tablesFreed++;
    if (this.#unlinkedTable) this.tablesFreedBeforeFlush.push(`table ${number} was freed before CPUs had forgotten it`);
  }

  /**
   * The alias that goes tells what it was: its low word, which says that it was present, and then its high word, if that had
   * anything to say. An entry is 64 bits and written at once; its two words stand one after the other in the journal.
   */
  #aliasWritten(word: number, old: number): void {
    if (word % 2 === 0 && isPresent(old)) {
      this.pokeAliases++;
      this.executablePokeAlias.push(`entry ${word / 2} of the poking address space led to text and was executable`);
    } else if (word % 2 === 1 && !isExecutable(flagsOf(0, old))) this.executablePokeAlias.pop();
  }

  #contentWritten({ number }: Frame): void {
    if (this.#changedOwner.has(number) || !this.#tables.isExecutable(number)) return;
    this.textWrites++;
    if (!this.#poking) this.textWrittenDirectly.push(`frame ${number} holds text and was written without a poke`);
  }

  #forget(): void {
    this.attributesBeforeSplitFlush.length = 0;
    this.tablesFreedBeforeFlush.length = 0;
    this.directMapRestoredBeforeFlush.length = 0;
    this.textWrittenDirectly.length = 0;
    this.executablePokeAlias.length = 0;
    this.splits = this.tablesFreed = this.restorations = this.textWrites = this.pokeAliases = 0;
    this.globalFlushes = 0;
    this.pokers.clear();
    this.#freshSplits.clear();
    this.#newLevels.clear();
    this.#changedOwner.clear();
    this.#lastPresentWrite.clear();
    this.#absentWrites.clear();
    this.#event = 0;
    this.#lastFlush = -1;
    this.#lastFilled = -1;
    this.#unlinkedTable = false;
    this.#poking = false;
  }
}
