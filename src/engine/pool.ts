import { assert, ModelBug } from '../base/assert.ts';
import type { Journal, Undoable } from '../base/journal.ts';
import type { MadeArgument, PoolView } from '../language/argument.ts';
import type { CompiledOperation } from './compiled-operation.ts';

/**
 * The results that the steps of a trace made, by kind: which of them live, which have ended, and the object each stands for.
 * Kept in columns by number, for a trace of a million steps makes some hundred thousand.
 *
 * Draws are uniform and take constant time, so a list's order means nothing: ending a result moves the last live one into its
 * place. Of ended results the newest few hundred of each kind are kept, and none of a kind that no operation takes when it has
 * ended: a free object that nobody can name any more is no part of the state. Every change goes through the world's journal
 * and is taken back exactly, order of the lists included, so that a shrinker or an enumeration that undoes some steps draws
 * what it would have drawn then.
 */
export class Pool implements PoolView, Undoable {
  /** What each result stands for. */
  readonly objects: unknown[] = new Array(64).fill(undefined);
  /** The kind and life of each result: see {@link livesOf}; 0 where a number stands for nothing. */
  lives = new Uint16Array(64);
  /** The index of each live result among the live of its kind; kept when it ends, for the undo. */
  #places = new Int32Array(64);
  /** One above the highest number that was ever bound. */
  #bound = 0;
  #journal: Journal;
  readonly #kinds: readonly Results[];
  /** The kind asked for last: most suites have few kinds, and a step asks for its own several times. */
  #recent: Results;

  constructor(kinds: readonly ResultKind[], journal: Journal) {
    this.#journal = journal;
    this.#kinds = kinds.map((kind) => new Results(kind));
    this.#recent = this.#kinds[0] ?? new Results({ name: '', index: 0, isUsedEnded: false });
  }

  /** Empties it for a fresh world. The columns stay, since making them costs more than performing a short trace. */
  begin(journal: Journal): void {
    this.#journal = journal;
    const { lives, objects } = this;
    for (let id = 0; id < this.#bound; id++) {
      lives[id] = 0;
      objects[id] = undefined;
    }
    this.#bound = 0;
    for (const kind of this.#kinds) {
      kind.live.length = 0;
      kind.ended.length = 0;
      kind.endedCount = 0;
    }
  }

  live(kind: string): readonly number[] {
    return this.#kind(kind)?.live ?? NONE;
  }

  /** The newest ended results of a kind, in no order. */
  ended(kind: string): readonly number[] {
    return this.#kind(kind)?.ended ?? NONE;
  }

  object(id: number): unknown {
    return this.objects[id];
  }

  /** Whether the number stands for a result of this kind and life now. */
  isUsable(id: number, kind: string, life: MadeArgument<unknown>['life']): boolean {
    const found = this.#kind(kind);
    if (found === undefined) return false;
    const now = this.lives[id];
    return (now === found.whenLive && life !== 'ended') || (now === found.whenEnded && life !== 'live');
  }

  /** Enters a new live result. A number stands for one result at a time. */
  bind(id: number, kindIndex: number, object: unknown): void {
    if (id >= this.lives.length) this.#grow(id);
    if (this.lives[id] !== 0) throw new ModelBug(`result #${id} is made twice`);
    const { live, whenLive } = this.#kinds[kindIndex]!;
    this.objects[id] = object;
    this.lives[id] = whenLive;
    this.#places[id] = live.length;
    if (id >= this.#bound) this.#bound = id + 1;
    live.push(id);
    this.#journal.record(this, id * CHANGES + BOUND, undefined);
  }

  /** The result no longer lives; ending it a second time (a double free that the kernel let pass) changes nothing. */
  end(id: number, kindIndex: number): void {
    const kind = this.#kinds[kindIndex]!;
    const { live } = kind;
    if (this.lives[id] !== kind.whenLive) return;
    const last = live.pop()!;
    if (last !== id) {
      const place = this.#places[id]!;
      live[place] = last;
      this.#places[last] = place;
    }
    this.lives[id] = kind.whenEnded;
    if (kind.isUsedEnded) this.#keepEnded(kind, id);
    this.#journal.record(this, id * CHANGES + ENDED, this.objects[id]);
    if (!kind.isUsedEnded) this.objects[id] = undefined;
  }

  undo(key: unknown, old: unknown): void {
    const change = (key as number) % CHANGES;
    const id = ((key as number) - change) / CHANGES;
    const kind = this.#kinds[kindIndexOf(this.lives[id]!)]!;
    this.objects[id] = old;
    if (change === BOUND) {
      kind.live.pop();
      this.lives[id] = 0;
    } else if (change === ENDED) {
      this.lives[id]!--;
      this.#bringBack(kind.live, id);
      if (kind.isUsedEnded && --kind.endedCount < MOST_ENDED) kind.ended.pop();
    } else {
      this.lives[id]!--;
      kind.ended[kind.endedCount % MOST_ENDED] = id;
    }
  }

  #keepEnded(kind: Results, id: number): void {
    const { ended, endedCount } = kind;
    if (endedCount < MOST_ENDED) {
      ended.push(id);
    } else {
      const forgotten = ended[endedCount % MOST_ENDED]!;
      this.#journal.record(this, forgotten * CHANGES + FORGOTTEN, this.objects[forgotten]);
      this.objects[forgotten] = undefined;
      this.lives[forgotten]!++;
      ended[endedCount % MOST_ENDED] = id;
    }
    kind.endedCount++;
  }

  /** Into its old place among the live; who took that place goes back to the end. */
  #bringBack(live: number[], id: number): void {
    const place = this.#places[id]!;
    const moved = live[place];
    if (moved === undefined) {
      live.push(id);
      return;
    }
    this.#places[moved] = live.length;
    live.push(moved);
    live[place] = id;
  }

  #grow(id: number): void {
    const length = 2 ** Math.ceil(Math.log2(id + 1));
    while (this.objects.length < length) this.objects.push(undefined);
    const [lives, places] = [new Uint16Array(length), new Int32Array(length)];
    lives.set(this.lives);
    places.set(this.#places);
    this.lives = lives;
    this.#places = places;
  }

  #kind(name: string): Results | undefined {
    if (name === this.#recent.name) return this.#recent;
    const kind = this.#kinds.find((candidate) => candidate.name === name);
    if (kind !== undefined) this.#recent = kind;
    return kind;
  }
}

/** A kind of result in one suite. */
export interface ResultKind {
  readonly name: string;
  readonly index: number;
  /** Whether some operation takes results of the kind that have ended. */
  readonly isUsedEnded: boolean;
}

/** The kinds that operations make or take. */
export function resultKinds(operations: readonly Pick<CompiledOperation, 'kinds' | 'uses'>[]): readonly ResultKind[] {
  const uses = operations.flatMap((operation) => operation.uses.map(({ argument }) => argument));
  const names = new Set([...operations.flatMap(({ kinds }) => kinds), ...uses.map(({ makes }) => makes)]);
  assert(names.size < MOST_KINDS, 'a suite has few kinds of results');
  return [...names].map((name, index) => ({
    name,
    index,
    isUsedEnded: uses.some(({ makes, life }) => makes === name && life !== 'live'),
  }));
}

/** What a number holds in {@link Pool.lives} that stands for a result of this kind. One more than `ended`: forgotten since. */
export function livesOf(kindIndex: number): { readonly live: number; readonly ended: number } {
  return { live: LIVES * kindIndex + LIVE, ended: LIVES * kindIndex + LIVE + 1 };
}

const LIVES = 3;
const LIVE = 1;
const kindIndexOf = (life: number) => Math.floor((life - 1) / LIVES);

/** The results of one kind. A class, so that those of all sessions have one hidden class. */
class Results {
  readonly name: string;
  readonly isUsedEnded: boolean;
  readonly whenLive: number;
  readonly whenEnded: number;
  readonly live: number[] = [];
  /** A ring of the newest, once it is full. */
  readonly ended: number[] = [];
  /** How many have ended in all. */
  endedCount = 0;

  constructor({ name, index, isUsedEnded }: ResultKind) {
    const { live, ended } = livesOf(index);
    this.name = name;
    this.isUsedEnded = isUsedEnded;
    this.whenLive = live;
    this.whenEnded = ended;
  }
}

/** A use after free far later than so many other frees shows nothing that an earlier one does not. */
const MOST_ENDED = 256;
const MOST_KINDS = 2 ** 14;
const NONE: readonly number[] = [];

/** What a journal entry is about, beside the number of a result. */
const CHANGES = 3;
const [BOUND, ENDED, FORGOTTEN] = [0, 1, 2];
