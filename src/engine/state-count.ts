import type { JournaledWorld, Suite } from '../language/suite.ts';
import { valueText } from './step-text.ts';

/**
 * Counts the states of a world that can be told apart by what its suite observes of them. A state is kept as 53 bits of a
 * hash, so among ten million states fewer than one in a hundred counts comes out one too low.
 */
export class StateCount<World extends JournaledWorld> {
  readonly #observe: NonNullable<Suite<World>['observe']>;
  readonly #met = new Set<number>();

  constructor(observe: NonNullable<Suite<World>['observe']>) {
    this.#observe = observe;
  }

  get count(): number {
    return this.#met.size;
  }

  /** True when the world was never met in this state before. */
  meet(world: World): boolean {
    const { size } = this.#met;
    this.#met.add(hashOf(this.#observe(world)));
    return this.#met.size > size;
  }
}

/** Two independent 32-bit hashes (multiply and fold, in the manner of MurmurHash), of which 53 bits fit into a number. */
function hashOf(observed: readonly unknown[]): number {
  let [one, other] = [0x9747b28c | 0, 0x5bd1e995 | 0];
  for (let index = 0; index < observed.length; index++) {
    const value = observed[index];
    if (typeof value === 'number' && (value | 0) === value) {
      one = fold(one ^ value, 0xcc9e2d51);
      other = fold(other ^ value, 0x85ebca6b);
      continue;
    }
    const text = valueText(value);
    for (let at = 0; at < text.length; at++) {
      one = fold(one ^ text.charCodeAt(at), 0x1b873593);
      other = fold(other ^ text.charCodeAt(at), 0xc2b2ae35);
    }
    // An end, so that neighbours cannot exchange what they hold.
    one = fold(one, 0xe6546b64);
    other = fold(other, 0x38b34ae5);
  }
  return (one >>> 0) * 0x20_0000 + (other >>> 11);
}

function fold(hash: number, by: number): number {
  const product = Math.imul(hash ^ (hash >>> 15), by);
  return product ^ (product >>> 13);
}
