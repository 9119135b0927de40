import type { JournaledWorld } from '../../language/suite.ts';
import type { Step } from '../../language/trace.ts';
import { randomOfRun, Walk } from '../generate.ts';
import type { Session } from '../session.ts';
import type { Violation } from '../verdict.ts';
import { complaintOf } from './failure-shape.ts';

/** Which of the numbered runs of a campaign. The same gives the same, whatever ran before it and wherever it runs. */
export interface NumberedRun {
  readonly seed: string;
  readonly suite: string;
  readonly kernel: string;
  readonly number: number;
  /** The longest trace. */
  readonly steps: number;
}

/** What a run came upon: a trace cut at its failing step. */
export interface RawFailure {
  readonly run: number;
  readonly steps: readonly Step[];
  readonly violation: Violation;
  readonly complaint: string;
}

export interface RunOutcome {
  /** Steps performed, those that were taken back included. */
  readonly steps: number;
  /** One for each complaint, in the order in which they came. */
  readonly failures: readonly RawFailure[];
  /** Names of the kernel's own bugs that were met. */
  readonly known: readonly string[];
}

/**
 * Performs one run and goes on past what it finds: a step that breaks a law is noted and taken back, and another is drawn
 * in its place. What lies behind a frequent bug is reached so, and no state that a law has condemned is built upon.
 *
 * `breathe` is called between portions of a long trace, for callers that have others to serve.
 */
export async function performRun<World extends JournaledWorld>(
  session: Session<World>,
  run: NumberedRun,
  breathe: () => Promise<void> | undefined = () => undefined,
): Promise<RunOutcome> {
  const walk = new Walk(session, randomOfRun(run), run.steps);
  const failures = new Map<string, RawFailure>();
  const known = new Set<string>();
  let takenBack = 0;
  for (;;) {
    const ended = walk.advance(PORTION);
    if (walk.outcome === 'violates' || walk.outcome === 'known') {
      if (walk.outcome === 'known') known.add(session.knownBug!);
      else note(failures, walk, session.violation!, run.number);
      if (!walk.takeBack() || ++takenBack === MOST_TAKEN_BACK) break;
    } else if (ended) {
      break;
    }
    await breathe();
  }
  return { steps: walk.length + takenBack, failures: [...failures.values()], known: [...known] };
}

function note<World extends JournaledWorld>(
  failures: Map<string, RawFailure>,
  walk: Walk<World>,
  violation: Violation,
  run: number,
): void {
  const complaint = complaintOf(violation);
  if (!failures.has(complaint)) failures.set(complaint, { run, steps: walk.steps, violation, complaint });
}

/** Steps between two breaths: some 30 ms of a slow suite. */
const PORTION = 64;
/** A bug that shows at every other step would keep a run for ever; by then it has been met often enough. */
const MOST_TAKEN_BACK = 64;
