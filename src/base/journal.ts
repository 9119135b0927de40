/**
 * The one journal of a world: every change of its state, newest last, with what stood there before.
 *
 * It pays three times. Undoing a suffix lets a shrinker resume at the first changed step and an enumeration walk back;
 * the entries of a step say which parts of the state a law has to judge again; and a report can show before and after.
 * Old entries are forgotten in bulk once `capacity` is passed, so a trace of a million steps runs in bounded memory.
 */
export class Journal {
  readonly #owners: object[] = [];
  readonly #keys: unknown[] = [];
  readonly #olds: unknown[] = [];
  readonly #capacity: number;
  #forgotten = 0;

  /** @param capacity how many entries are kept at least; up to twice as many are held before the oldest are dropped */
  constructor(capacity = 4_000_000) {
    this.#capacity = capacity;
  }

  /** Where the journal stands: the number of changes ever recorded and not undone. */
  get position(): number {
    return this.#forgotten + this.#owners.length;
  }

  /** The earliest position that can still be undone to. */
  get earliest(): number {
    return this.#forgotten;
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
    this.#owners.push(owner);
    this.#keys.push(key);
    this.#olds.push(old);
    if (this.#owners.length >= 2 * this.#capacity) this.#forgetOldest();
  }

  /** Takes back every change made since `position`, newest first. False, and nothing undone, when that is forgotten. */
  undoTo(position: number): boolean {
    if (position < this.#forgotten) return false;
    const owners = this.#owners;
    const end = position - this.#forgotten;
    for (let index = owners.length - 1; index >= end; index--) {
      const owner = owners[index] as Record<PropertyKey, unknown> & Partial<Undoable>;
      const key = this.#keys[index];
      const old = this.#olds[index];
      if (typeof owner.undo === 'function') owner.undo(key, old);
      else owner[key as PropertyKey] = old;
    }
    owners.length = end;
    this.#keys.length = end;
    this.#olds.length = end;
    return true;
  }

  /** Calls `visit` with each change since `position`, oldest first. Forgotten changes are passed over. */
  since(position: number, visit: (owner: object, key: unknown, old: unknown) => void): void {
    for (let index = Math.max(0, position - this.#forgotten); index < this.#owners.length; index++) {
      visit(this.#owners[index]!, this.#keys[index], this.#olds[index]);
    }
  }

  #forgetOldest(): void {
    const surplus = this.#owners.length - this.#capacity;
    this.#owners.splice(0, surplus);
    this.#keys.splice(0, surplus);
    this.#olds.splice(0, surplus);
    this.#forgotten += surplus;
  }
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
