import { InputError } from '../language/input-error.ts';
import type { JournaledWorld, Suite } from '../language/suite.ts';
import type { Step, Trace } from '../language/trace.ts';
import { Attempts } from './attempts.ts';
import { renumbered } from './dependencies.ts';
import { type PerformOptions, sessionOptions } from './perform.ts';
import { Session } from './session.ts';
import {
  keepRecentResults,
  type Pass,
  removeHints,
  removeOperations,
  removePairs,
  removeResults,
  removeSteps,
  sliceToFailure,
} from './shrink-passes.ts';
import { exchangeResults, retargetResults } from './shrink-results.ts';
import { mergeSteps, removeStepAndSimplify, simplifyValues, tryEverySimplerValue } from './shrink-values.ts';
import type { ShrinkReport } from './verdict.ts';

export interface ShrinkOptions extends PerformOptions {
  /** Asked between candidates; true ends the shrinking with the best trace so far. */
  readonly stop?: () => boolean;
}

/**
 * Makes a failing trace minimal: the same law breaks at the same operation, no single step can be left out and no argument
 * be made simpler without losing that. Works on any trace, read from a file or just generated, of any length.
 *
 * Throws an InputError when the trace breaks no law, and what {@link performTrace} throws.
 */
export function shrink<World extends JournaledWorld>(
  suite: Suite<World>,
  trace: Trace,
  options: ShrinkOptions = {},
): ShrinkReport {
  return shrinkOn(new Session(suite, sessionOptions(suite, trace, options)), trace, options);
}

/** The same on a session of the trace's suite, kernel, machine and fault, which saves booting for those who shrink a lot. */
export function shrinkOn<World extends JournaledWorld>(
  session: Session<World>,
  trace: Trace,
  options: Pick<ShrinkOptions, 'stop'> = {},
): ShrinkReport {
  session.reset();
  const attempts = performToFailure(session, trace.steps);
  let executions = 0;
  const run = (pass: Pass): boolean => {
    const candidates = pass(attempts);
    let improved = false;
    for (let next = candidates.next(); !next.done; ) {
      if (options.stop?.()) break;
      const accepted = attempts.consider(next.value);
      if (accepted) executions = attempts.executions;
      improved ||= accepted;
      next = candidates.next(accepted);
    }
    return improved;
  };
  const improve = (passes: readonly Pass[]): boolean => passes.filter(run).length > 0;

  if (attempts.steps.length > 0) {
    if (!run(sliceToFailure)) run(keepRecentResults);
    run(removeHints);
    run(removeOperations);
    while (improve(REDUCING) || FINISHING.some(run));
  }
  const { violation, rejected, modelBug } = attempts;
  return {
    trace: { header: trace.header, steps: renumbered(attempts.steps) },
    violation,
    executions,
    rejected,
    ...(modelBug !== undefined && { modelBug }),
  };
}

const REDUCING: readonly Pass[] = [removeResults, removeSteps, simplifyValues];
/** These seldom help, so they wait until the others have nothing more to offer. */
const FINISHING: readonly Pass[] = [
  removePairs,
  retargetResults,
  exchangeResults,
  mergeSteps,
  tryEverySimplerValue,
  removeStepAndSimplify,
];

/** Performs the trace; what can be tried on it begins where it failed. */
function performToFailure<World extends JournaledWorld>(
  session: Session<World>,
  steps: readonly Step[],
): Attempts<World> {
  const performed: Step[] = [];
  const positions: number[] = [];
  for (let index = 0; index < steps.length && session.violation === undefined; index++) {
    const step = steps[index]!;
    const { position } = session;
    if (session.perform(step) === 'not-ready') continue;
    performed.push(step);
    positions.push(position);
  }
  if (session.violation === undefined) throw new InputError('the trace breaks no law, so there is nothing to shrink');
  return new Attempts(session, performed, positions);
}
