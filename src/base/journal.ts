/**
 * The one journal of a world: every change of its state, newest last, with what stood there before.
 *
 * It pays three times. Undoing a suffix lets a shrinker resume at the first changed step and an enumeration walk back;
 * the entries of a step say which parts of the state a law has to judge again; and a report can show before and after.
 * Old entries are forgotten in bulk once `capacity` is passed, so a trace of a million steps runs in bounded memory.
 */
export class Journal {
  /** Full chunks, oldest first; none when the world is young. */
  readonly #full: unknown[][] = [];
  readonly #chunksKept: number;
  /** The chunk being filled: owner, key and old value of each change in turn. */
  #chunk: unknown[] = [];
  /** How many entries the chunk has room for: the first one grows, for many worlds stay small. */
  #room = 0;
  /** A chunk that an undo emptied or that was forgotten, to be filled again. */
  #spare: unknown[] | undefined;
  /** How many entries the chunk holds. */
  #count = 0;
  /** The position at which the chunk begins. */
  #begin = 0;

  /** False for a journal of capacity 0, for worlds that are only driven forward: it records nothing and undoes nothing. */
  readonly keeps: boolean;

  /** @param capacity how many entries are kept at least; a few thousand more are held before the oldest are dropped */
  constructor(capacity = 1_000_000) {
    this.keeps = capacity > 0;
    this.#chunksKept = Math.ceil(capacity / CHUNK_ENTRIES);
  }

  /** Where the journal stands: the number of changes ever recorded and not undone. */
  get position(): number {
    return this.#begin + this.#count;
  }

  /** The earliest position that can still be undone to. */
  get earliest(): number {
    return this.#begin - this.#full.length * CHUNK_ENTRIES;
  }

  /** Assigns `owner[key] = value` and remembers what stood there. Also serves arrays and typed arrays. */
  set<Owner extends object, Key extends keyof Owner>(owner: Owner, key: Key, value: Owner[Key]): void {
    this.record(owner, key, owner[key]);
    owner[key] = value;
  }

  /** Appends to a plain array. */
  push<Item>(array: Item[], item: Item): void {
    this.record(array, 'length', array.length);
    array.push(item);
  }

  /** Remembers a change that the caller makes itself; an {@link Undoable} owner is asked to take it back. */
  record(owner: object, key: unknown, old: unknown): void {
    if (!this.keeps) return;
    if (this.#count === this.#room) this.#makeRoom();
    const slot = this.#count++ * WIDTH;
    const chunk = this.#chunk;
    chunk[slot] = owner;
    chunk[slot + 1] = key;
    chunk[slot + 2] = old;
  }

  /** Takes back every change made since `position`, newest first. False, and nothing undone, when that is forgotten. */
  undoTo(position: number): boolean {
    if (position < this.earliest) return false;
    while (position < this.#begin) {
      undoChunk(this.#chunk, 0, this.#count);
      this.#reopenChunk();
    }
    undoChunk(this.#chunk, position - this.#begin, this.#count);
    this.#count = position - this.#begin;
    return true;
  }

  /**
   * Calls `visit` with each change since `position`, oldest first. Forgotten changes are passed over. `visit` may record changes
   * of its own, as ghosts do; they are not visited.
   */
  since(position: number, visit: (owner: object, key: unknown, old: unknown) => void): void {
    const until = this.position;
    for (let at = Math.max(position, this.earliest); at < until; ) {
      // Where chunks lie is asked anew for each: what `visit` records can push the oldest out.
      const { earliest } = this;
      const index = Math.floor((at - earliest) / CHUNK_ENTRIES);
      const begin = earliest + index * CHUNK_ENTRIES;
      const end = Math.min(until, begin + CHUNK_ENTRIES);
      visitChunk(this.#full[index] ?? this.#chunk, at - begin, end - begin, visit);
      at = end;
    }
  }

  #makeRoom(): void {
    if (this.#room === CHUNK_ENTRIES) {
      this.#beginChunk();
      return;
    }
    const begun = this.#chunk;
    this.#room = begun.length === 0 ? FIRST_ENTRIES : CHUNK_ENTRIES;
    this.#chunk = newChunk(this.#room);
    for (let slot = 0; slot < begun.length; slot++) this.#chunk[slot] = begun[slot];
  }

  #beginChunk(): void {
    this.#full.push(this.#chunk);
    if (this.#full.length > this.#chunksKept) this.#spare = this.#full.shift();
    this.#chunk = this.#spare ?? newChunk(CHUNK_ENTRIES);
    this.#spare = undefined;
    this.#count = 0;
    this.#begin += CHUNK_ENTRIES;
  }

  #reopenChunk(): void {
    this.#spare = this.#chunk;
    this.#chunk = this.#full.pop()!;
    this.#count = CHUNK_ENTRIES;
    this.#begin -= CHUNK_ENTRIES;
  }
}

/*
 * Entries lie in chunks of fixed size rather than in one growing array: nothing is copied as a trace grows, and forgetting
 * drops the oldest chunk. A million steps cost per step what a thousand do.
 */
const WIDTH = 3;
const CHUNK_ENTRIES = 4096;
const FIRST_ENTRIES = 512;

/** Filled at once, so that all chunks are arrays of one kind and the engine's stores into them stay fast. */
function newChunk(entries: number): unknown[] {
  return new Array<unknown>(entries * WIDTH).fill(undefined);
}

/** Takes back the entries from the last one before `end` down to `start`. */
function undoChunk(chunk: readonly unknown[], start: number, end: number): void {
  for (let slot = (end - 1) * WIDTH; slot >= start * WIDTH; slot -= WIDTH) {
    const owner = chunk[slot] as Record<PropertyKey, unknown> & Partial<Undoable>;
    const key = chunk[slot + 1];
    const old = chunk[slot + 2];
    // What the owner is costs least to ask in this order.
    if (ArrayBuffer.isView(owner)) restoreItem(owner, key as number, old);
    else if (Array.isArray(owner)) {
      if (typeof key === 'number') restoreItem(owner, key, old);
      else restoreLength(owner, old as number);
    } else if (typeof owner.undo === 'function') owner.undo(key, old);
    else owner[key as PropertyKey] = old;
  }
}

/** A place of its own, since the engine stores items of (typed) arrays fast only where it meets nothing else. */
function restoreItem(array: Record<number, unknown>, index: number, old: unknown): void {
  array[index] = old;
}

/** Assigning a length leaves the engine's fast path; most changes are of one item. What new places held, other entries say. */
function restoreLength(array: unknown[], length: number): void {
  while (array.length > length) array.pop();
  while (array.length < length) array.push(undefined);
}

function visitChunk(
  chunk: readonly unknown[],
  start: number,
  end: number,
  visit: (owner: object, key: unknown, old: unknown) => void,
): void {
  for (let slot = start * WIDTH; slot < end * WIDTH; slot += WIDTH)
    visit(chunk[slot] as object, chunk[slot + 1], chunk[slot + 2]);
}

/** A container whose changes are more than an assignment to one of its properties. */
export interface Undoable {
  /** Takes one recorded change back. Changes come newest first, so the container stands exactly as right after it. */
  undo(key: unknown, old: unknown): void;
}

const ABSENT = Symbol('absent');

/**
 * A Map under a journal. After an undo the iteration order may differ, so no decision of the model may depend on it:
 * where order is part of the behaviour, keep an array.
 */
export class JournaledMap<Key, Value> implements Undoable {
  readonly #map = new Map<Key, Value>();
  readonly #journal: Journal;

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  get size(): number {
    return this.#map.size;
  }

  get(key: Key): Value | undefined {
    return this.#map.get(key);
  }

  has(key: Key): boolean {
    return this.#map.has(key);
  }

  set(key: Key, value: Value): void {
    this.#journal.record(this, key, this.#old(key));
    this.#map.set(key, value);
  }

  /** True when the key was there. */
  delete(key: Key): boolean {
    if (!this.#map.has(key)) return false;
    this.#journal.record(this, key, this.#old(key));
    return this.#map.delete(key);
  }

  keys(): IterableIterator<Key> {
    return this.#map.keys();
  }

  values(): IterableIterator<Value> {
    return this.#map.values();
  }

  entries(): IterableIterator<[Key, Value]> {
    return this.#map.entries();
  }

  undo(key: unknown, old: unknown): void {
    if (old === ABSENT) this.#map.delete(key as Key);
    else this.#map.set(key as Key, old as Value);
  }

  #old(key: Key): Value | typeof ABSENT {
    const old = this.#map.get(key);
    return old === undefined && !this.#map.has(key) ? ABSENT : (old as Value);
  }
}

/** An array under a journal, for lists whose order is part of the behaviour. */
export class JournaledArray<Item> implements Undoable {
  readonly #items: Item[] = [];
  readonly #journal: Journal;

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  get length(): number {
    return this.#items.length;
  }

  at(index: number): Item | undefined {
    return this.#items[index];
  }

  /** The items in order; not to be changed by the caller. */
  get items(): readonly Item[] {
    return this.#items;
  }

  set(index: number, item: Item): void {
    this.#journal.record(this, index, ['set', this.#items[index]]);
    this.#items[index] = item;
  }

  push(item: Item): void {
    this.insert(this.#items.length, item);
  }

  insert(index: number, item: Item): void {
    this.#journal.record(this, index, INSERTED);
    if (index === this.#items.length) this.#items.push(item);
    else this.#items.splice(index, 0, item);
  }

  remove(index: number): Item {
    const item = this.#items[index] as Item;
    this.#journal.record(this, index, ['removed', item]);
    if (index === this.#items.length - 1) this.#items.pop();
    else this.#items.splice(index, 1);
    return item;
  }

  undo(key: unknown, old: unknown): void {
    const index = key as number;
    if (old === INSERTED) {
      this.#items.splice(index, 1);
      return;
    }
    const [change, item] = old as ['set' | 'removed', Item];
    this.#items.splice(index, change === 'set' ? 1 : 0, item);
  }
}

const INSERTED = Symbol('inserted');
