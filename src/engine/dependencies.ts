import type { AnyOperation } from '../language/operation.ts';
import type { Step } from '../language/trace.ts';

/** Which results steps use, and which steps hang together through them. */

/** The names of an operation's arguments that are results of earlier steps. */
export function madeArguments(operation: AnyOperation): readonly string[] {
  let names = namesByOperation.get(operation);
  if (names === undefined) {
    const takes = Object.entries(operation.takes as Record<string, { readonly kind: string }>);
    names = takes.filter(([, { kind }]) => kind === 'made').map(([name]) => name);
    namesByOperation.set(operation, names);
  }
  return names;
}

/** The names of its other arguments. */
export function valueArguments({ operation }: Step): readonly string[] {
  const results = madeArguments(operation);
  return Object.keys(operation.takes).filter((name) => !results.includes(name));
}

const namesByOperation = new WeakMap<AnyOperation, readonly string[]>();

/** The results that a step takes, in order. */
export function resultsUsed({ operation, args }: Step): readonly number[] {
  const names = madeArguments(operation);
  if (names.length === 0) return NONE;
  return names.map((name) => args[name] as number);
}

/** The results that a step takes or makes. */
export function resultsTouched(step: Step): readonly number[] {
  const used = resultsUsed(step);
  if (step.made.length === 0) return used;
  return used.length === 0 ? step.made : [...used, ...step.made];
}

/** The steps whose results are all made by steps before them: what is left when their makers were deleted goes too. */
export function closed(steps: readonly Step[]): readonly Step[] {
  const made = new Set<number>();
  let dropped = false;
  const kept = steps.filter((step) => {
    const isBound = resultsUsed(step).every((id) => made.has(id));
    if (isBound) for (const id of step.made) made.add(id);
    else dropped = true;
    return isBound;
  });
  return dropped ? kept : steps;
}

/**
 * Every step that touches one of the results, from the first to the last, and the makers of whatever else these steps use.
 * `alsoKeep` adds steps by index, with the makers of what they use.
 */
export function historyOf(
  steps: readonly Step[],
  results: ReadonlySet<number>,
  alsoKeep: (index: number, step: Step) => boolean = () => false,
): readonly Step[] {
  const needed = new Set<number>();
  const kept: Step[] = [];
  for (let index = steps.length - 1; index >= 0; index--) {
    const step = steps[index]!;
    const used = resultsUsed(step);
    const isKept =
      used.some((id) => results.has(id)) ||
      step.made.some((id) => results.has(id) || needed.has(id)) ||
      alsoKeep(index, step);
    if (!isKept) continue;
    for (const id of used) needed.add(id);
    kept.push(step);
  }
  return kept.reverse();
}

/** The results that the last `count` steps touch. */
export function resultsOfLast(steps: readonly Step[], count: number): ReadonlySet<number> {
  const results = new Set<number>();
  for (let index = Math.max(0, steps.length - count); index < steps.length; index++) {
    for (const id of resultsTouched(steps[index]!)) results.add(id);
  }
  return results;
}

/** The kind of each result that the steps make. */
export function kindsOfResults(steps: readonly Step[]): ReadonlyMap<number, string> {
  const kinds = new Map<number, string>();
  for (const { operation, made } of steps) {
    const { makes = [] } = operation;
    for (const [at, id] of made.entries()) kinds.set(id, typeof makes === 'string' ? makes : makes[at]!);
  }
  return kinds;
}

/** The same steps with results numbered 0, 1, 2, ... in the order in which they are made. */
export function renumbered(steps: readonly Step[]): readonly Step[] {
  const numbers = new Map<number, number>();
  for (const { made } of steps) for (const id of made) numbers.set(id, numbers.size);
  return steps.map((step) => {
    const args: Record<string, unknown> = { ...step.args };
    for (const name of madeArguments(step.operation)) args[name] = numbers.get(args[name] as number);
    return { operation: step.operation, args, made: step.made.map((id) => numbers.get(id)!) };
  });
}

const NONE: readonly number[] = [];
