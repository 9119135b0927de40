import type { Argument } from '../language/argument.ts';
import { Expected } from '../language/argument.ts';
import type { Step } from '../language/trace.ts';
import {
  historyOf,
  kindsOfResults,
  madeArguments,
  resultsOfLast,
  resultsTouched,
  resultsUsed,
} from './dependencies.ts';
import { valueText } from './step-text.ts';

/**
 * The ways in which a failing trace may become simpler.
 *
 * A pass yields candidates, the boldest first, and is told of each whether it is the best trace now; `best` then shows it. A
 * pass only proposes: whether a candidate is simpler, makes sense and fails in the same way is decided in one place for all
 * of them. Each ends after a bounded number of refusals, whatever the answers are, so that nobody who only wants to look at
 * candidates (fast-check's shrinker) needs another description of them.
 */
export type Pass = (best: Best) => Generator<readonly Step[], void, boolean>;

export interface Best {
  /** Ends with the failing step. */
  readonly steps: readonly Step[];
}

/** What a pass proposes when all of it is refused. */
export function* proposals(pass: Pass, best: Best): Generator<readonly Step[]> {
  const candidates = pass(best);
  for (let next = candidates.next(); !next.done; next = candidates.next(false)) yield next.value;
}

/** Ends earlier. Of use only where the failing step need not be the last one. */
export function* truncate(best: Best): ReturnType<Pass> {
  const { length } = best.steps;
  for (let removed = length >> 1; removed >= 1; removed >>= 1) yield best.steps.slice(0, length - removed);
}

/** Keeps what the failing step depends on: all steps that touch the results it takes. One try. */
export function* sliceToFailure(best: Best): ReturnType<Pass> {
  const { steps } = best;
  const results = resultsOfLast(steps, 1);
  yield historyOf(steps, results, (index) => index === steps.length - 1);
}

/**
 * Keeps what the last few steps depend on, for ever more of them: what a failure needs has mostly been in use lately. Steps
 * without results (a grace period, a fork) are kept only near the end at first, and then everywhere.
 */
export function* keepRecentResults(best: Best): ReturnType<Pass> {
  for (const keepsLoose of [false, true]) {
    for (let count = 4; count < best.steps.length; count *= 2) {
      const { steps } = best;
      const results = resultsOfLast(steps, count);
      const isKept = (index: number, step: Step) =>
        index >= steps.length - count || (keepsLoose && resultsTouched(step).length === 0);
      if (yield historyOf(steps, results, isKept)) return;
    }
  }
}

/** Removes results with every step that touches them: whole lives of objects, half of them at once, then fewer. */
export function* removeResults(best: Best): ReturnType<Pass> {
  yield* removeInChunks(
    () => [...kindsOfResults(best.steps).keys()],
    (removed) => best.steps.filter((step) => !resultsTouched(step).some((id) => removed.has(id))),
  );
}

/** Removes runs of steps before the failing one, then single steps. What depended on them goes with them. */
export function* removeSteps(best: Best): ReturnType<Pass> {
  yield* removeInChunks(
    () => best.steps.slice(0, -1),
    (removed) => best.steps.filter((step) => !removed.has(step)),
  );
}

/** Removes any two steps at once, where the trace is short enough for all pairs: a lock and its unlock, for example. */
export function* removePairs(best: Best): ReturnType<Pass> {
  if (best.steps.length > MOST_STEPS_FOR_PAIRS) return;
  for (let first = best.steps.length - 2; first >= 0; first--) {
    for (let second = first - 1; second >= 0 && first < best.steps.length - 1; second--) {
      yield best.steps.filter((_, index) => index !== first && index !== second);
    }
  }
}

/** Uses one result where another of its kind was: everywhere, with its maker gone, and then in single places. */
export function* retargetResults(best: Best): ReturnType<Pass> {
  if (best.steps.length > MOST_STEPS_FOR_PAIRS) return;
  const kinds = kindsOfResults(best.steps);
  for (const [from, kind] of kinds) {
    for (const [to, otherKind] of kinds) {
      if (from === to || kind !== otherKind) continue;
      if (yield withoutMaker(retargeted(best.steps, from, to), from)) break;
    }
  }
  for (let index = 0; index < best.steps.length; index++) {
    for (const [to, kind] of kinds) {
      const from = resultsUsed(best.steps[index]!).find((id) => id !== to && kinds.get(id) === kind);
      if (from === undefined) continue;
      yield best.steps.map((step, at) => (at === index ? retargeted([step], from, to)[0]! : step));
    }
  }
}

/**
 * Lets a result take over the role of an earlier one of its kind: it is made with the same arguments, and from there on the
 * two change places. What the earlier one had gone through in order to be used again is then not needed any more.
 */
export function* exchangeResults(best: Best): ReturnType<Pass> {
  if (best.steps.length > MOST_STEPS_FOR_PAIRS) return;
  const makers = new Map(best.steps.flatMap((step, index) => step.made.map((id) => [id, { step, index }] as const)));
  for (const [later, { step, index }] of makers) {
    for (const [earlier, { step: model, index: before }] of makers) {
      if (before >= index || model.operation !== step.operation) continue;
      const twin = { ...step, args: { ...step.args, ...pick(model.args, valueArguments(step)) } };
      const start = best.steps.slice(0, index);
      const rest = [twin, ...exchanged(best.steps.slice(index + 1), earlier, later)];
      if (yield [...start, ...rest]) return;
      const last = start.findLastIndex((candidate) => resultsUsed(candidate).includes(earlier));
      if (last >= 0 && (yield [...start.toSpliced(last, 1), ...rest])) return;
    }
  }
}

/** Makes values simpler, first those that several steps share in all of these at once. Numbers are found by bisection. */
export function* simplifyValues(best: Best): ReturnType<Pass> {
  for (const shared of sharedValues(best.steps)) yield* simplifyValue(best, shared);
  for (let index = 0; index < best.steps.length; index++) {
    for (const name of valueArguments(best.steps[index]!)) yield* simplifyValue(best, { indices: [index], name });
  }
}

/** Tries everything that an argument calls simpler, so that nothing simpler is left when all of it is refused. */
export function* tryEverySimplerValue(best: Best): ReturnType<Pass> {
  for (let index = 0; index < best.steps.length; index++) {
    for (const name of valueArguments(best.steps[index]!)) {
      const { operation, args } = best.steps[index]!;
      for (const value of (operation.takes[name] as Argument<unknown>).simpler(args[name])) {
        if (yield withValue(best.steps, { indices: [index], name }, value)) break;
      }
    }
  }
}

/** Pairs cost a square of the length; a trace that stays longer than this is beyond reading anyway. */
const MOST_STEPS_FOR_PAIRS = 32;

function* removeInChunks<Item>(
  itemsNow: () => readonly Item[],
  without: (removed: ReadonlySet<Item>) => readonly Step[],
): ReturnType<Pass> {
  let items = itemsNow();
  for (let size = Math.ceil(items.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let end = items.length; end > 0; ) {
      const accepted = yield without(new Set(items.slice(Math.max(0, end - size), end)));
      if (accepted) items = itemsNow();
      end = Math.min(end - size, items.length);
    }
  }
}

/** The places of one value: an argument's name in one or several steps of the same operation. */
interface Places {
  readonly indices: readonly number[];
  readonly name: string;
}

function* simplifyValue(best: Best, places: Places): ReturnType<Pass> {
  const { operation, args } = best.steps[places.indices[0]!]!;
  const argument = operation.takes[places.name] as Argument<unknown>;
  const simpler = [...argument.simpler(args[places.name])];
  for (const value of simpler) {
    if (yield withValue(best.steps, places, value)) return;
    if (typeof value !== 'number' && typeof value !== 'bigint') continue;
    // When not even the nearest value will do, the border was found in an earlier round.
    const nearest = simpler.at(-1) as typeof value;
    if (nearest !== value && (yield withValue(best.steps, places, nearest)))
      yield* bisect(best, places, value, nearest);
    return;
  }
}

/** `refused` does not fail, `failing` does: the border between them, if there is one only, is found in log2 steps. */
function* bisect<Value extends number | bigint>(
  best: Best,
  places: Places,
  refused: Value,
  failing: Value,
): ReturnType<Pass> {
  const { takes } = best.steps[places.indices[0]!]!.operation;
  const argument = takes[places.name] as Argument<unknown>;
  let [low, high]: [number | bigint, number | bigint] = [refused, failing];
  for (;;) {
    const middle = between(low, high);
    if (middle === low || middle === high || argument.read(argument.write(middle)) instanceof Expected) return;
    if (yield withValue(best.steps, places, middle)) high = middle;
    else low = middle;
  }
}

function between(low: number | bigint, high: number | bigint): number | bigint {
  if (typeof low === 'bigint' || typeof high === 'bigint') return (BigInt(low) + BigInt(high)) / 2n;
  return Math.trunc((low + high) / 2);
}

function sharedValues(steps: readonly Step[]): readonly Places[] {
  const places = new Map<string, { readonly indices: number[]; readonly name: string }>();
  for (const [index, step] of steps.entries()) {
    for (const name of valueArguments(step)) {
      const key = `${step.operation.name} ${name} ${valueText(step.args[name])}`;
      const same = places.get(key);
      if (same === undefined) places.set(key, { indices: [index], name });
      else same.indices.push(index);
    }
  }
  return [...places.values()].filter(({ indices }) => indices.length > 1);
}

function valueArguments({ operation }: Step): readonly string[] {
  const results = madeArguments(operation);
  return Object.keys(operation.takes).filter((name) => !results.includes(name));
}

function withValue(steps: readonly Step[], { indices, name }: Places, value: unknown): readonly Step[] {
  return steps.map((step, index) =>
    indices.includes(index) ? { ...step, args: { ...step.args, [name]: value } } : step,
  );
}

function retargeted(steps: readonly Step[], from: number, to: number): readonly Step[] {
  return steps.map((step) => {
    const names = madeArguments(step.operation).filter((name) => step.args[name] === from);
    if (names.length === 0) return step;
    return { ...step, args: { ...step.args, ...Object.fromEntries(names.map((name) => [name, to])) } };
  });
}

function exchanged(steps: readonly Step[], one: number, other: number): readonly Step[] {
  const unused = -1;
  return retargeted(retargeted(retargeted(steps, one, unused), other, one), unused, other);
}

function pick(args: Step['args'], names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(names.map((name) => [name, args[name]]));
}

function withoutMaker(steps: readonly Step[], id: number): readonly Step[] {
  return steps.filter(({ made }) => !(made.length === 1 && made[0] === id));
}
