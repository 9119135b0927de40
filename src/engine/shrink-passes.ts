import type { AnyOperation } from '../language/operation.ts';
import type { Step } from '../language/trace.ts';
import { historyOf, kindsOfResults, resultsOfLast, resultsTouched } from './dependencies.ts';

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
  /** Numbers beyond which the failure went away, as `operation argument value`: remembered from one round to the next. */
  readonly borders?: Set<string>;
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

/** Removes what stands for freedom of the hardware, all of it and then less: leaving such steps out is always sound. */
export function* removeHints(best: Best): ReturnType<Pass> {
  const hints = () => best.steps.slice(0, -1).filter(({ operation }) => operation.hint === true);
  const without = (removed: ReadonlySet<Step>) => best.steps.filter((step) => !removed.has(step));
  if (hints().length === 0 || (yield without(new Set(hints())))) return;
  yield* removeInChunks(hints, without);
}

/** Removes results with every step that touches them: whole lives of objects, half of them at once, then fewer. */
export function* removeResults(best: Best): ReturnType<Pass> {
  yield* removeInChunks(
    () => [...kindsOfResults(best.steps).keys()],
    (removed) => best.steps.filter((step) => !resultsTouched(step).some((id) => removed.has(id))),
  );
}

/** Removes all steps of one operation, the most frequent first: what only keeps a trace busy goes at once. */
export function* removeOperations(best: Best): ReturnType<Pass> {
  if (best.steps.length < LONG) return;
  const counts = new Map<AnyOperation, number>();
  for (const { operation } of best.steps) counts.set(operation, (counts.get(operation) ?? 0) + 1);
  const frequent = [...counts].filter(([, count]) => count >= WORTH_ASKING).sort(([, one], [, other]) => other - one);
  const failing = best.steps.at(-1)!;
  for (const [removed] of frequent) {
    yield best.steps.filter((step) => step.operation !== removed || step === failing);
  }
}

/** What is shorter, or less frequent, is soon removed step by step. */
const LONG = 16;
const WORTH_ASKING = 3;

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

/** Pairs cost a square of the length; a trace that stays longer than this is beyond reading anyway. */
export const MOST_STEPS_FOR_PAIRS = 32;

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
