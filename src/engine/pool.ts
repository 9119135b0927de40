import { ModelBug } from '../base/assert.ts';
import type { Journal, Undoable } from '../base/journal.ts';
import type { PoolView } from '../language/argument.ts';

/**
 * The results that the steps of a trace made, by kind: which of them live, which have ended, and the object each stands for.
 *
 * Draws are uniform and take constant time, so a list's order means nothing: ending a result moves the last live one into its
 * place. Every change goes through the world's journal and is taken back exactly, order of the lists included, so that a
 * shrinker or an enumeration that undoes some steps draws what it would have drawn then.
 */
export class Pool implements PoolView, Undoable {
  readonly #journal: Journal;
  readonly #kinds = new Map<string, Kind>();
  /** The kind asked for last: most suites have few kinds, and a step asks for its own several times. */
  #recent: Kind = { name: '', live: [], ended: [] };
  /** By number; numbers are small integers and dense in generated traces. */
  readonly #results: (Result | undefined)[] = [];

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  live(kind: string): readonly number[] {
    return this.#kind(kind).live;
  }

  ended(kind: string): readonly number[] {
    return this.#kind(kind).ended;
  }

  object(id: number): unknown {
    return this.#results[id]?.object;
  }

  /** The result, if the number stands for one of this kind and life now. */
  result(id: number, kind: string, life: 'live' | 'ended' | 'any'): Result | undefined {
    const result = this.#results[id];
    if (result === undefined || result.kind.name !== kind) return undefined;
    return life === 'any' || result.ended === (life === 'ended') ? result : undefined;
  }

  /** Enters a new live result. A number stands for one result at a time. */
  bind(id: number, kind: string, object: unknown): void {
    if (this.#results[id] !== undefined) throw new ModelBug(`result #${id} is made twice`);
    const list = this.#kind(kind);
    while (this.#results.length < id) this.#results.push(undefined);
    this.#results[id] = { kind: list, object, position: list.live.length, ended: false };
    list.live.push(id);
    this.#journal.record(this, id, BOUND);
  }

  /** The result no longer lives; ending it a second time (a double free that the kernel let pass) changes nothing. */
  end(id: number): void {
    const result = this.#results[id]!;
    if (result.ended) return;
    const { live, ended } = result.kind;
    const last = live.pop()!;
    if (last !== id) {
      live[result.position] = last;
      this.#results[last]!.position = result.position;
    }
    ended.push(id);
    result.ended = true;
    this.#journal.record(this, id, ENDED);
  }

  undo(key: unknown, old: unknown): void {
    const id = key as number;
    const result = this.#results[id]!;
    const { live, ended } = result.kind;
    if (old === BOUND) {
      live.pop();
      this.#results[id] = undefined;
      return;
    }
    ended.pop();
    result.ended = false;
    const moved = live[result.position];
    if (moved !== undefined) {
      this.#results[moved]!.position = live.length;
      live.push(moved);
      live[result.position] = id;
    } else {
      live.push(id);
    }
  }

  #kind(name: string): Kind {
    if (name === this.#recent.name) return this.#recent;
    let kind = this.#kinds.get(name);
    if (kind === undefined) {
      kind = { name, live: [], ended: [] };
      this.#kinds.set(name, kind);
    }
    this.#recent = kind;
    return kind;
  }
}

interface Kind {
  readonly name: string;
  readonly live: number[];
  readonly ended: number[];
}

/** What a step made, and the object that it stands for. */
export interface Result {
  readonly kind: Kind;
  readonly object: unknown;
  /** Its index among the live; kept when it ends, for the undo. */
  position: number;
  ended: boolean;
}

const BOUND = 'bound';
const ENDED = 'ended';
