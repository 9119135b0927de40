import type { Random } from '../base/seed.ts';
import type { CompiledOperation } from './compiled-operation.ts';

/** How one run leans: drawn anew for each run, because no single way of drawing finds every bug soon. */
export interface Lean {
  /** The longest this trace gets. */
  readonly length: number;
  /** Weights of the operations, summed up: the last entry is the total. */
  readonly cumulativeWeights: readonly number[];
  /** The same for the weights that operations declare. */
  readonly declaredWeights: readonly number[];
  readonly boundaryLean: number;
  readonly sizeLean: number;
}

/**
 * Draws the leaning of a run. Half of the runs weigh operations as they are declared; a quarter multiplies each weight by
 * 0.2, 1 or 5; a quarter leaves about half of the operations out (swarm testing). Swarm alone took 5 to 9 times as many
 * steps to a six-step fault as uniform weights, random weights did best for ten-step faults: so neither is used alone.
 */
export function drawLean(random: Random, operations: readonly CompiledOperation[], longest: number): Lean {
  const length = drawLength(random, longest);
  const boundaryLean = random.pick([0, 0.1, 0.3, 0.6]);
  const sizeLean = random.pick([0.05, 0.3, 1]);
  const declared = operations.map(({ operation }) => operation.weight ?? 1);
  const kind = random.unit();
  let weights = declared;
  if (kind >= 0.75) weights = swarm(random, operations, declared);
  else if (kind >= 0.5) weights = declared.map((weight) => weight * random.pick([0.2, 1, 5]));
  const declaredWeights = cumulative(declared);
  return { length, cumulativeWeights: cumulative(weights), declaredWeights, boundaryLean, sizeLean };
}

function cumulative(weights: readonly number[]): readonly number[] {
  let sum = 0;
  return weights.map((weight) => {
    sum += weight;
    return sum;
  });
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
