import fc from 'fast-check';
import type { JournaledWorld, Suite } from '../language/suite.ts';
import type { Trace } from '../language/trace.ts';
import { type TraceOptions, traceArbitrary } from './arbitrary.ts';
import { Session } from './session.ts';
import type { OperationCount, Violation } from './verdict.ts';

export interface CheckOptions extends TraceOptions {
  /** Traces to try; what the suite states when not given. */
  readonly runs?: number;
  /** With a failure's `path`, the two numbers that fast-check reports with it: the failing trace is generated again. */
  readonly seed?: number;
  readonly path?: string;
}

export interface Checked {
  /** fast-check's own account: seed, path, counterexample, shrinks. */
  readonly details: fc.RunDetails<[Trace]>;
  readonly violation: Violation | undefined;
  /** How often each operation succeeded and was refused, candidates of the shrinker left out. */
  readonly operations: ReadonlyMap<string, OperationCount>;
  /** How often each law had something to judge. */
  readonly judged: ReadonlyMap<string, number>;
}

/** Checks the laws of a suite as a property of fast-check, and counts what happened. Throws only for our own mistakes. */
export function checkLaws<World extends JournaledWorld>(suite: Suite<World>, options: CheckOptions = {}): Checked {
  const { kernel = suite.kernels[0]!, machine = {}, fault, runs = suite.runs, seed, path } = options;
  const session = new Session(suite, { kernel, machine, fault });
  let violation: Violation | undefined;
  let operations: ReadonlyMap<string, OperationCount> = new Map();
  let judged: ReadonlyMap<string, number> = new Map();
  const property = fc.property(traceArbitrary(suite, options), (trace) => {
    session.reset();
    let isBroken = session.violation !== undefined;
    for (let index = 0; index < trace.steps.length && !isBroken; index++) {
      isBroken = session.perform(trace.steps[index]!) === 'violates';
    }
    if (violation === undefined) {
      operations = session.operationCounts();
      judged = session.judged();
    }
    if (isBroken) violation = session.violation;
    return !isBroken;
  });
  const details = fc.check(property, {
    numRuns: runs,
    ...(seed !== undefined && { seed }),
    ...(path !== undefined && { path }),
  });
  return { details, violation, operations, judged };
}
