import type { Step } from '../language/trace.ts';
import { kindsOfResults, madeArguments, resultsUsed, valueArguments } from './dependencies.ts';
import { type Best, MOST_STEPS_FOR_PAIRS, type Pass } from './shrink-passes.ts';

/** Passes of the shrinker that let one result do what another one did. */

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
