import type { Argument } from '../language/argument.ts';
import type { Step } from '../language/trace.ts';
import { madeArguments, resultsUsed } from './dependencies.ts';
import { valueText } from './step-text.ts';

/**
 * What "simpler" means, in this one place. Of two traces that show the same failure people should read
 *
 * 1. the one with fewer steps, since each step is a thing to understand;
 * 2. of two as long, the one whose steps use fewer results, since a reader keeps track of each of them;
 * 3. else the one whose first differing argument is simpler: an earlier result, or a value nearer to the simplest one.
 *
 * Arguments say themselves which of their values is simplest: the first that `simpler` yields.
 */
export function isSimpler(candidate: readonly Step[], than: readonly Step[]): boolean {
  if (candidate.length !== than.length) return candidate.length < than.length;
  const results = countResults(candidate) - countResults(than);
  if (results !== 0) return results < 0;
  for (const [index, step] of than.entries()) {
    const other = candidate[index]!;
    if (other.operation !== step.operation) return false;
    for (const name of Object.keys(step.operation.takes)) {
      const [value, old] = [other.args[name], step.args[name]];
      if (valueText(value) === valueText(old)) continue;
      if (madeArguments(step.operation).includes(name)) return (value as number) < (old as number);
      return isSimplerValue(step.operation.takes[name] as Argument<unknown>, value, old);
    }
  }
  return false;
}

/** Numbers are simpler the nearer they are to the simplest; of other values the argument itself lists what is simpler. */
function isSimplerValue(argument: Argument<unknown>, value: unknown, than: unknown): boolean {
  const simpler = [...argument.simpler(than)];
  const [simplest] = simpler;
  if (typeof simplest === 'number' || typeof simplest === 'bigint') {
    return distance(value as number | bigint, simplest) < distance(than as number | bigint, simplest);
  }
  const text = valueText(value);
  return simpler.some((candidate) => valueText(candidate) === text);
}

function distance(value: number | bigint, from: number | bigint): bigint {
  const difference = BigInt(value) - BigInt(from);
  return difference < 0n ? -difference : difference;
}

function countResults(steps: readonly Step[]): number {
  return new Set(steps.flatMap(resultsUsed)).size;
}
