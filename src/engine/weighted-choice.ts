import type { Random } from '../base/seed.ts';

/**
 * Draws one of the indices 0, 1, 2, ... each as often as its weight says, with one random number and one comparison however
 * many there are (A. J. Walker's alias method): every index has a slot of its own, whose upper part, beyond its threshold,
 * belongs to one other index that weighs more than a slot.
 */
export class WeightedChoice {
  readonly weights: readonly number[];
  readonly #thresholds: Float64Array;
  readonly #others: Int32Array;

  /** At least one weight is above 0, none is below. */
  constructor(weights: readonly number[]) {
    const { length } = weights;
    this.weights = weights;
    this.#thresholds = new Float64Array(length);
    this.#others = new Int32Array(length);
    let sum = 0;
    for (let index = 0; index < length; index++) sum += weights[index]!;
    const slots = Float64Array.from(weights, (weight) => (weight * length) / sum);
    this.#fill(slots);
  }

  draw(random: Random): number {
    const place = random.unit() * this.#thresholds.length;
    const index = Math.floor(place);
    return place - index < this.#thresholds[index]! ? index : this.#others[index]!;
  }

  /** Gives what an index lacks to a full slot to one that has too much, until each has exactly one slot. */
  #fill(slots: Float64Array): void {
    const [lacking, ample]: [number[], number[]] = [[], []];
    for (let index = 0; index < slots.length; index++) (slots[index]! < 1 ? lacking : ample).push(index);
    for (let index = lacking.pop(); index !== undefined; index = lacking.pop()) {
      const other = ample.at(-1);
      // What rounding leaves over has a slot as good as full; a weight of 0 always finds another.
      this.#thresholds[index] = other === undefined ? 1 : slots[index]!;
      if (other === undefined) continue;
      this.#others[index] = other;
      slots[other] = slots[other]! - (1 - slots[index]!);
      if (slots[other]! < 1) lacking.push(ample.pop()!);
    }
    for (const index of ample) this.#thresholds[index] = 1;
  }
}
