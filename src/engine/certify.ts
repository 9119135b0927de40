import type { Argument } from '../language/argument.ts';
import { InputError } from '../language/input-error.ts';
import type { JournaledWorld, Suite } from '../language/suite.ts';
import type { Step, Trace } from '../language/trace.ts';
import { kindsOfResults, madeArguments, valueArguments } from './dependencies.ts';
import { type Identity, identityOf, showsSame } from './identity.ts';
import { type PerformOptions, sessionOptions } from './perform.ts';
import { Session } from './session.ts';

export interface CertifyOptions extends PerformOptions {
  /** Also tries to leave out every two steps: a square of the length. */
  readonly pairs?: boolean;
}

/** That a trace is minimal: everything that was left out or made simpler, and nothing of it still failed. */
export interface Certificate {
  readonly isMinimal: boolean;
  /** Variants of the trace that were performed. */
  readonly checked: number;
  /** The first variant that fails in the same way all the same. */
  readonly counterexample?: { readonly change: string; readonly trace: Trace };
}

/**
 * Re-checks that a failing trace is minimal: without any one step (or any two), and with any argument made simpler, the same
 * law does not break at the same operation. An earlier result is a simpler argument than a later one. Shares nothing with the shrinker but the performing of steps: every variant is
 * performed from the fresh state to its end.
 *
 * Throws an InputError when the trace breaks no law.
 */
export function certify<World extends JournaledWorld>(
  suite: Suite<World>,
  trace: Trace,
  options: CertifyOptions = {},
): Certificate {
  const session = new Session(suite, sessionOptions(suite, trace, options));
  const failure = failureOf(session, trace.steps);
  if (failure === undefined) throw new InputError('the trace breaks no law, so it cannot be minimal');
  let checked = 0;
  for (const { change, steps } of variants(trace.steps, options.pairs ?? false)) {
    checked++;
    if (showsSame(failureOf(session, steps), failure)) {
      return { isMinimal: false, checked, counterexample: { change, trace: { ...trace, steps } } };
    }
  }
  return { isMinimal: true, checked };
}

interface Variant {
  readonly change: string;
  readonly steps: readonly Step[];
}

function* variants(steps: readonly Step[], pairs: boolean): Generator<Variant> {
  for (const [index, { operation }] of steps.entries()) {
    yield { change: `without step ${index} (${operation.name})`, steps: steps.toSpliced(index, 1) };
  }
  for (const [index, step] of steps.entries()) {
    for (const [name, value] of simplerArguments(step)) {
      const simpler = { ...step, args: { ...step.args, [name]: value } };
      yield { change: `step ${index} with ${name} ${String(value)}`, steps: steps.with(index, simpler) };
    }
  }
  for (const [index, step] of steps.entries()) {
    for (const [name, id] of earlierResults(steps, step)) {
      const earlier = { ...step, args: { ...step.args, [name]: id } };
      yield { change: `step ${index} with ${name} #${id}`, steps: steps.with(index, earlier) };
    }
  }
  if (!pairs) return;
  for (let second = 1; second < steps.length; second++) {
    for (let first = 0; first < second; first++) {
      yield { change: `without steps ${first} and ${second}`, steps: steps.toSpliced(second, 1).toSpliced(first, 1) };
    }
  }
}

function* simplerArguments(step: Step): Generator<readonly [string, unknown]> {
  const { operation, args } = step;
  for (const name of valueArguments(step)) {
    for (const value of (operation.takes[name] as Argument<unknown>).simpler(args[name])) yield [name, value];
  }
}

/** The results that each argument which is one could be instead: those of its kind that were made before it. */
function* earlierResults(steps: readonly Step[], { operation, args }: Step): Generator<readonly [string, number]> {
  const kinds = kindsOfResults(steps);
  for (const name of madeArguments(operation)) {
    for (const [id, kind] of kinds) {
      if (id === args[name]) break;
      if (kind === kinds.get(args[name] as number)) yield [name, id];
    }
  }
}

/** What the steps end in; undefined when no law breaks. Steps that make no sense are left out. */
function failureOf<World extends JournaledWorld>(
  session: Session<World>,
  steps: readonly Step[],
): Identity | undefined {
  session.reset();
  for (const step of steps) {
    if (session.violation !== undefined) break;
    session.perform(step);
  }
  return identityOf(session);
}
