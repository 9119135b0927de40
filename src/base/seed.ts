import seedrandom from 'seedrandom';

/**
 * Random numbers from a seed string: the same seed gives the same numbers on every machine.
 * Alea is used because it is the cheapest generator of the seedrandom package (a few nanoseconds a draw).
 */
export class Random {
  readonly #next: () => number;

  constructor(seed: string) {
    this.#next = seedrandom.alea(seed);
  }

  /** A number in [0, 1) with 32 random bits. */
  unit(): number {
    return this.#next();
  }

  /** An integer in [0, bound). `bound` is at least 1; above 2^32 the low bits come from a second draw. */
  below(bound: number): number {
    if (bound <= 0x1_0000_0000) return Math.floor(this.#next() * bound);
    const wide = Math.floor(this.#next() * 0x20_0000) * 0x1_0000_0000 + Math.floor(this.#next() * 0x1_0000_0000);
    return Math.min(bound - 1, Math.floor((wide / 2 ** 53) * bound));
  }

  /** An integer in [min, max], both ends included. */
  between(min: number, max: number): number {
    return min + this.below(max - min + 1);
  }

  chance(probability: number): boolean {
    return probability > 0 && this.#next() < probability;
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)] as Item;
  }

  /** 64 random bits. */
  word(): bigint {
    return (BigInt(this.below(0x1_0000_0000)) << 32n) | BigInt(this.below(0x1_0000_0000));
  }
}
