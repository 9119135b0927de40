import { type Argument, Expected } from '../language/argument.ts';
import type { AnyOperation } from '../language/operation.ts';
import type { Step } from '../language/trace.ts';
import { valueArguments } from './dependencies.ts';
import { type Best, MOST_STEPS_FOR_PAIRS, type Pass } from './shrink-passes.ts';
import { valueText } from './step-text.ts';

/** Passes of the shrinker that make arguments simpler. */

/** Makes values simpler, first those that several steps share in all of these at once. Numbers are found by bisection. */
export function* simplifyValues(best: Best): ReturnType<Pass> {
  for (const shared of sharedValues(best.steps)) yield* simplifyValue(best, shared);
  for (let index = 0; index < best.steps.length; index++) {
    const { operation } = best.steps[index]!;
    for (const name of valueArguments(best.steps[index]!)) {
      yield* simplifyValue(best, { operation, indices: [index], name });
    }
  }
}

/**
 * Leaves a step out and makes one value simpler at once: a limit that is lowered is reached by fewer steps. Only the boldest
 * dozen of a value's simpler ones is tried, since there are many of both.
 */
export function* removeStepAndSimplify(best: Best): ReturnType<Pass> {
  if (best.steps.length > MOST_STEPS_FOR_PAIRS) return;
  for (let removed = best.steps.length - 2; removed >= 0; removed--) {
    for (const { index, name, value } of simplerValues(best.steps)) {
      if (index === removed) continue;
      if (yield withValue(best.steps, [index], name, value).toSpliced(removed, 1)) break;
    }
  }
}

/** Lets one step do what two of the same operation did: the later one goes, and the earlier one's number grows by its. */
export function* mergeSteps(best: Best): ReturnType<Pass> {
  if (best.steps.length > MOST_STEPS_FOR_PAIRS) return;
  for (let removed = best.steps.length - 2; removed >= 1; removed--) {
    for (let index = removed - 1; index >= 0; index--) {
      const [step, other] = [best.steps[index]!, best.steps[removed]];
      if (other === undefined || other.operation !== step.operation) continue;
      for (const name of valueArguments(step)) {
        const sum = sumOf(step.operation.takes[name] as Argument<unknown>, step.args[name], other.args[name]);
        if (sum === undefined) continue;
        if (yield withValue(best.steps, [index], name, sum).toSpliced(removed, 1)) break;
      }
    }
  }
}

/** Undefined where the values are no numbers, add nothing, or add up to more than the argument takes. */
function sumOf(argument: Argument<unknown>, one: unknown, other: unknown): number | undefined {
  if (typeof one !== 'number' || typeof other !== 'number' || other === 0) return undefined;
  const sum = one + other;
  return argument.read(argument.write(sum)) instanceof Expected ? undefined : sum;
}

/** Tries everything that an argument calls simpler, so that nothing simpler is left when all of it is refused. */
export function* tryEverySimplerValue(best: Best): ReturnType<Pass> {
  for (let index = 0; index < best.steps.length; index++) {
    for (const name of valueArguments(best.steps[index]!)) {
      const step = best.steps[index];
      const argument = step?.operation.takes[name] as Argument<unknown> | undefined;
      if (argument === undefined) break;
      for (const value of argument.simpler(step!.args[name])) {
        if (yield withValue(best.steps, [index], name, value)) break;
      }
    }
  }
}

function* simplerValues(steps: readonly Step[]): Generator<{ index: number; name: string; value: unknown }> {
  for (const [index, step] of steps.entries()) {
    for (const name of valueArguments(step)) {
      const values = (step.operation.takes[name] as Argument<unknown>).simpler(step.args[name]);
      let boldest = 12;
      for (const value of values) {
        if (boldest-- === 0) break;
        yield { index, name, value };
      }
    }
  }
}

/** The places of one value: an argument's name in one or several steps of the same operation. */
interface Places {
  readonly operation: AnyOperation;
  readonly indices: readonly number[];
  readonly name: string;
}

/** What was accepted meanwhile can have fewer steps: then other steps stand where these were, or none. */
const areThere = ({ steps }: Best, { operation, indices }: Places): boolean =>
  indices.every((index) => steps[index]?.operation === operation);

function* simplifyValue(best: Best, places: Places): ReturnType<Pass> {
  if (!areThere(best, places)) return;
  const { operation, indices, name } = places;
  const argument = operation.takes[name] as Argument<unknown>;
  for (const value of argument.simpler(best.steps[indices[0]!]!.args[name])) {
    if (yield withValue(best.steps, indices, name, value)) return;
    if (typeof value !== 'number' && typeof value !== 'bigint') continue;
    yield* findBorder(best, places, value);
    return;
  }
}

/** Moves a number towards the simplest one, which does not fail: as far as it goes on failing. */
function* findBorder(best: Best, places: Places, simplest: number | bigint): ReturnType<Pass> {
  const { operation, indices, name } = places;
  const [first] = indices;
  const argument = operation.takes[name] as Argument<unknown>;
  const now = () => best.steps[first!]!.args[name] as number | bigint;
  // What another step of the operation has come to is often this one's border too.
  const peers = best.steps.filter((step, index) => index < first! && step.operation === operation);
  const others = new Set(peers.map(({ args }) => args[name]));
  for (const value of others) {
    if (isBetween(value as number | bigint, simplest, now())) yield withValue(best.steps, indices, name, value);
    if (!areThere(best, places)) return;
  }
  // A border found in an earlier round mostly is one still: then not even the nearest value will do.
  const borderText = () => `${operation.name} ${name} ${now()}`;
  if (best.borders?.has(borderText())) {
    const nearest = [...argument.simpler(now())].at(-1) as number | bigint;
    if (nearest === simplest || !(yield withValue(best.steps, indices, name, nearest))) return;
    if (!areThere(best, places)) return;
  }
  yield* bisect(best, places, simplest, now());
  if (areThere(best, places)) best.borders?.add(borderText());
}

function isBetween(value: number | bigint, one: number | bigint, other: number | bigint): boolean {
  return (one < value && value < other) || (other < value && value < one);
}

/** `refused` does not fail, `failing` does: the border between them, if there is one only, is found in log2 steps. */
function* bisect<Value extends number | bigint>(
  best: Best,
  places: Places,
  refused: Value,
  failing: Value,
): ReturnType<Pass> {
  const { operation, indices, name } = places;
  const argument = operation.takes[name] as Argument<unknown>;
  let [low, high]: [number | bigint, number | bigint] = [refused, failing];
  for (;;) {
    const middle = between(low, high);
    if (middle === low || middle === high || argument.read(argument.write(middle)) instanceof Expected) return;
    if (yield withValue(best.steps, indices, name, middle)) high = middle;
    else low = middle;
    if (!areThere(best, places)) return;
  }
}

function between(low: number | bigint, high: number | bigint): number | bigint {
  if (typeof low === 'bigint' || typeof high === 'bigint') return (BigInt(low) + BigInt(high)) / 2n;
  return Math.trunc((low + high) / 2);
}

function sharedValues(steps: readonly Step[]): readonly Places[] {
  const places = new Map<string, Places & { readonly indices: number[] }>();
  for (const [index, step] of steps.entries()) {
    for (const name of valueArguments(step)) {
      const key = `${step.operation.name} ${name} ${valueText(step.args[name])}`;
      const same = places.get(key);
      if (same === undefined) places.set(key, { operation: step.operation, indices: [index], name });
      else same.indices.push(index);
    }
  }
  return [...places.values()].filter(({ indices }) => indices.length > 1);
}

function withValue(steps: readonly Step[], indices: readonly number[], name: string, value: unknown): readonly Step[] {
  return steps.map((step, index) =>
    indices.includes(index) ? { ...step, args: { ...step.args, [name]: value } } : step,
  );
}
