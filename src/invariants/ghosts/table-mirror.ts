import type { Journal, Undoable } from '../../base/journal.ts';
import type { Frame } from '../../model/machine/frame.ts';
import { canonicalPage, pagesAtLevel } from '../../model/machine/page-table.ts';
import { flagsOf, frameOf, isPresent, LARGE } from '../../model/machine/page-table-entry.ts';
import type { PhysicalMemory } from '../../model/machine/physical-memory.ts';

/** A present entry that maps memory, read from the raw words of its table. */
export interface Mapping {
  /** The first page it maps, and the first frame. */
  readonly page: number;
  readonly frame: number;
  /** 1 for 4 KiB, 2 for 2 MiB, 3 for 1 GiB. */
  readonly level: number;
  readonly flags: number;
  /** 0 for the kernel half, else the number of the address space. */
  readonly space: number;
}

/** A page table as it was last seen. */
export interface MirroredTable {
  readonly number: number;
  readonly level: number;
  /** The canonical page that its first entry maps; 0 for a root, which maps both halves. */
  readonly firstPage: number;
  readonly space: number;
  readonly levels: number;
  words: Uint32Array;
}

/** Hears of every leaf that came, went or changed; called again the other way round when the journal takes a step back. */
export interface LeafListener {
  added(table: MirroredTable, index: number, words: Uint32Array): void;
  removed(table: MirroredTable, index: number, words: Uint32Array): void;
  /** An entry that stands for memory, present or taken out for a while, came (1) or went (-1). */
  counted(table: MirroredTable, index: number, by: number): void;
}

const EMPTY = new Uint32Array(1024);

/**
 * A copy of every page table of a world, kept by comparing the frames that a step changed with what stood there before. It
 * reads raw words and follows them itself: no code of the model is asked what is mapped.
 */
export class TableMirror implements Undoable {
  readonly #journal: Journal;
  readonly #memory: PhysicalMemory;
  readonly #listener: LeafListener;
  readonly #tables = new Map<number, MirroredTable>();
  readonly #dropped: MirroredTable[] = [];
  /** Root table of each address space. */
  readonly #roots = new Map<number, MirroredTable>();

  constructor(journal: Journal, memory: PhysicalMemory, listener: LeafListener) {
    this.#journal = journal;
    this.#memory = memory;
    this.#listener = listener;
  }

  /** Follows a tree from its root, now and from here on. */
  watch(root: number, levels: number, space: number): void {
    const table = { number: root, level: levels, firstPage: 0, space, levels, words: EMPTY };
    this.#roots.set(space, table);
    this.#register(table);
    this.#read(table);
  }

  /** Brings the copy up to date with the frames that a step changed; upper tables first, for they decide what is a table. */
  follow(frames: readonly Frame[]): void {
    this.#dropped.length = 0;
    const changed: MirroredTable[] = [];
    for (const { number } of frames) {
      const table = this.#tables.get(number);
      if (table !== undefined) changed.push(table);
    }
    if (changed.length > 1) changed.sort((left, right) => right.level - left.level);
    for (const table of changed) if (this.#tables.get(table.number) === table) this.#read(table);
  }

  /** A page table as it was last seen. */
  table(number: number): MirroredTable | undefined {
    return this.#tables.get(number);
  }

  /** Tables that left the trees in the last {@link follow}. */
  get dropped(): readonly MirroredTable[] {
    return this.#dropped;
  }

  /** The leaf of a page, or undefined where nothing is mapped. */
  leafAt(page: number, space: number): Mapping | undefined {
    let table = this.#roots.get(space);
    while (table !== undefined) {
      const index = Math.floor(page / pagesAtLevel(table.level)) % 512;
      const flags = flagsOf(table.words[2 * index]!, table.words[2 * index + 1]!);
      if (!isPresent(flags)) return undefined;
      if (isLeaf(table.level, flags)) return mappingOf(table, index, table.words);
      table = this.#tables.get(frameOf(table.words[2 * index]!, table.words[2 * index + 1]!));
    }
    return undefined;
  }

  /** Every leaf of every tree. */
  *leaves(): Generator<Mapping> {
    for (const table of this.#tables.values()) {
      for (let index = 0; index < 512; index++) {
        const flags = flagsOf(table.words[2 * index]!, table.words[2 * index + 1]!);
        if (isPresent(flags) && isLeaf(table.level, flags)) yield mappingOf(table, index, table.words);
      }
    }
  }

  undo(key: unknown, old: unknown): void {
    const table = old as MirroredTable;
    if (key === REGISTERED) this.#tables.delete(table.number);
    else if (key === UNREGISTERED) this.#tables.set(table.number, table);
    else this.#replace(key as MirroredTable, old as Uint32Array);
  }

  #read(table: MirroredTable): void {
    const words = this.#wordsOf(table.number);
    const before = table.words;
    if (words === before || areEqual(words, before)) return;
    this.#journal.record(this, table, before);
    this.#replace(table, words);
    if (table.level === 1) return;
    for (let index = 0; index < 512; index++) this.#followPointer(table, index, before, words);
  }

  /**
   * A pointer that went takes its table out of the copy; a new one brings its table in. A frame can leave one tree and serve
   * another in the same step, so what goes is the table that hung here, and a frame that comes ends its earlier life first.
   */
  #followPointer(table: MirroredTable, index: number, before: Uint32Array, after: Uint32Array): void {
    const gone = childOf(table.level, index, before);
    const come = childOf(table.level, index, after);
    if (gone === come) return;
    const { level, space, levels } = table;
    const firstPage = canonicalPage(table.firstPage + index * pagesAtLevel(level), levels);
    const hung = gone === undefined ? undefined : this.#tables.get(gone);
    if (hung?.level === level - 1 && hung.firstPage === firstPage && hung.space === space) this.#drop(hung.number);
    if (come === undefined) return;
    this.#drop(come);
    const child = { number: come, level: level - 1, firstPage, space, levels, words: EMPTY };
    this.#register(child);
    this.#read(child);
  }

  #drop(number: number): void {
    const table = this.#tables.get(number);
    if (table === undefined) return;
    const before = table.words;
    this.#journal.record(this, table, before);
    this.#replace(table, EMPTY);
    if (table.level > 1) for (let index = 0; index < 512; index++) this.#followPointer(table, index, before, EMPTY);
    this.#journal.record(this, UNREGISTERED, table);
    this.#dropped.push(table);
    this.#tables.delete(number);
  }

  #register(table: MirroredTable): void {
    this.#journal.record(this, REGISTERED, table);
    this.#tables.set(table.number, table);
  }

  #replace(table: MirroredTable, words: Uint32Array): void {
    const before = table.words;
    table.words = words;
    for (let index = 0; index < 512; index++) {
      if (before[2 * index] === words[2 * index] && before[2 * index + 1] === words[2 * index + 1]) continue;
      const counted = standsForLeaf(table.level, index, words) - standsForLeaf(table.level, index, before);
      if (counted !== 0) this.#listener.counted(table, index, counted);
      if (holdsLeaf(table.level, index, before)) this.#listener.removed(table, index, before);
      if (holdsLeaf(table.level, index, words)) this.#listener.added(table, index, words);
    }
  }

  /** The table's words now. A frame that no longer serves as a table says nothing, whatever its bytes look like. */
  #wordsOf(number: number): Uint32Array {
    const frame = this.#memory.frame(number);
    if (frame.use !== 'page-table' || frame.uniformByte === 0) return EMPTY;
    return new Uint32Array(frame.read(0, 4096).buffer);
  }
}

/** A table that was changed and changed back, as a poke does with its alias, is as it was. */
function areEqual(left: Uint32Array, right: Uint32Array): boolean {
  for (let index = 0; index < left.length; index++) if (left[index] !== right[index]) return false;
  return true;
}

const REGISTERED = Symbol('registered');
const UNREGISTERED = Symbol('unregistered');

const isLeaf = (level: number, flags: number): boolean => level === 1 || (flags & LARGE) !== 0;

function holdsLeaf(level: number, index: number, words: Uint32Array): boolean {
  const flags = flagsOf(words[2 * index]!, words[2 * index + 1]!);
  return isPresent(flags) && isLeaf(level, flags);
}

/** 1 for an entry that holds anything but a pointer to a table: one that is not present for now counts as a leaf still. */
function standsForLeaf(level: number, index: number, words: Uint32Array): 0 | 1 {
  if (words[2 * index] === 0 && words[2 * index + 1] === 0) return 0;
  return childOf(level, index, words) === undefined ? 1 : 0;
}

/** The table that an entry points to. */
function childOf(level: number, index: number, words: Uint32Array): number | undefined {
  const flags = flagsOf(words[2 * index]!, words[2 * index + 1]!);
  if (!isPresent(flags) || isLeaf(level, flags)) return undefined;
  return frameOf(words[2 * index]!, words[2 * index + 1]!);
}

export function mappingOf(table: MirroredTable, index: number, words: Uint32Array): Mapping {
  return {
    page: table.firstPage + index * pagesAtLevel(table.level),
    frame: frameOf(words[2 * index]!, words[2 * index + 1]!),
    level: table.level,
    flags: flagsOf(words[2 * index]!, words[2 * index + 1]!),
    space: table.space,
  };
}
