import type { Random } from '../base/seed.ts';
import type { CompiledOperation } from './compiled-operation.ts';
import { WeightedChoice } from './weighted-choice.ts';

/** How one run leans: drawn anew for each run, because no single way of drawing finds every bug soon. */
export interface Lean {
  /** The longest this trace gets. */
  readonly length: number;
  /** Draws the index of an operation. */
  readonly choice: WeightedChoice;
  readonly boundaryLean: number;
  readonly sizeLean: number;
  /** Whether the run leans to operations that met its present state seldom so far. */
  readonly isCurious: boolean;
}

/** The ways in which the runs of one session may lean. */
export class Mixture {
  /** Every operation as often as it declares. */
  readonly declared: WeightedChoice;
  readonly #operations: readonly CompiledOperation[];
  readonly #curiosity: number;

  /** `curiosity`: the share of the runs that lean to what is new. */
  constructor(operations: readonly CompiledOperation[], curiosity = 0.75) {
    this.#operations = operations;
    this.#curiosity = curiosity;
    this.declared = new WeightedChoice(operations.map(({ operation }) => operation.weight ?? 1));
  }

  /**
   * Draws the leaning of a run. Half of the runs weigh operations as they are declared; two fifths multiply each weight by
   * 0.2, 1 or 5; a tenth leaves about half of the operations out (swarm testing). Three quarters lean to what is new: all of
   * the first, most of the second.
   *
   * Measured on the toy, median steps to a fault of six steps and to one of ten (1 tag in 64, 160 seeds). Weights first, over
   * 200 seeds of traces twice as long: declared alone 1,530 and 12,200, random ones 1,580 and 9,300, swarm alone 2,960 and
   * 24,500; but swarm finds what only the absence of an operation shows. Then the lean to what is new, in no run 4,390 and
   * 55,300, in half of them 2,340 and 15,700, in three quarters 2,060 and 14,500, in all 1,890 and 11,400; a quarter stays
   * without, since what needs one operation many times on end is not new. A strong lean to boundaries costs a fault in the
   * middle of a range a third and finds one at its end 15 times as soon.
   */
  draw(random: Random, longest: number): Lean {
    const length = drawLength(random, longest);
    const boundaryLean = random.pick([0, 0.1, 0.5]);
    const sizeLean = random.pick([0.05, 0.3, 1]);
    const kind = random.unit();
    return {
      length,
      choice: this.#drawChoice(random, kind),
      boundaryLean,
      sizeLean,
      isCurious: kind < this.#curiosity,
    };
  }

  #drawChoice(random: Random, kind: number): WeightedChoice {
    if (kind < 0.5) return this.declared;
    const { weights } = this.declared;
    if (kind < 0.9) return new WeightedChoice(weights.map((weight) => weight * random.pick([0.2, 1, 5])));
    return new WeightedChoice(swarm(random, this.#operations, weights));
  }
}

/** Most runs may grow to the full length, since depth finds more; some are short, for what only a young world shows. */
function drawLength(random: Random, longest: number): number {
  const kind = random.unit();
  if (kind < 0.1) return random.between(1, Math.min(longest, 12));
  if (kind < 0.3) return random.between(1, longest);
  return longest;
}

/** About half of the operations; whoever uses a kind of result stays with at least one operation that makes it. */
function swarm(random: Random, operations: readonly CompiledOperation[], declared: readonly number[]): number[] {
  const chosen = operations.map(() => random.chance(0.5));
  chosen[random.below(operations.length)] = true;
  const makersOf = (kind: string) => operations.filter(({ kinds }) => kinds.includes(kind)).map(({ index }) => index);
  const queue = operations.filter(({ index }) => chosen[index]);
  for (let user = queue.pop(); user !== undefined; user = queue.pop()) {
    for (const { argument } of user.uses) {
      const makers = makersOf(argument.makes);
      if (makers.length === 0 || makers.some((maker) => chosen[maker])) continue;
      const maker = random.pick(makers);
      chosen[maker] = true;
      queue.push(operations[maker]!);
    }
  }
  return declared.map((weight, index) => (chosen[index] ? weight : 0));
}
