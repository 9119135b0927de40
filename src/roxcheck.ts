/**
 * The public door of roxcheck: what it takes to describe an operation, a law, a fault and a suite of one's own, to run,
 * shrink and replay it from code, and to give it to the command line. `examples/counter.js` is a whole suite in a few lines.
 */
export { ModelBug } from './base/assert.ts';
export { Journal, JournaledArray, JournaledMap, type Undoable } from './base/journal.ts';
export { Random } from './base/seed.ts';
export { type MainOptions, main } from './cli/main.ts';
export { type TraceOptions, traceArbitrary } from './engine/arbitrary.ts';
export { type Checked, type CheckOptions, checkLaws } from './engine/check-laws.ts';
export { type Explanation, explain } from './engine/explain/explain.ts';
export { performTrace } from './engine/perform.ts';
export { runSuite } from './engine/run.ts';
export { shrink } from './engine/shrink.ts';
export type {
  Failure,
  OperationCount,
  Performed,
  RunOptions,
  RunProgress,
  RunReport,
  ShrinkReport,
  Verdict,
  Violation,
} from './engine/verdict.ts';
export { allSuites } from './lab/suites/all.ts';
export {
  type Argument,
  boolean,
  bytes,
  type Draft,
  Expected,
  integer,
  list,
  type MadeArgument,
  made,
  oneOf,
  type PoolView,
  type Syntax,
  word64,
} from './language/argument.ts';
export { type Fault, fault } from './language/fault.ts';
export { InputError, type Place } from './language/input-error.ts';
export {
  type Changes,
  type Domain,
  type Ghost,
  type Happened,
  type Invariant,
  type ItemLaw,
  invariant,
  type StateLaw,
  type StepLaw,
  type Violated,
} from './language/invariant.ts';
export { type KernelBug, kernelBug } from './language/kernel-bug.ts';
export { type Occurrence, required, sometimes } from './language/occurrence.ts';
export { type Operation, operation, Refusal, refuse, type Shown, type Taken } from './language/operation.ts';
export { type AnySuite, type JournaledWorld, type MachineSettings, type Suite, suite } from './language/suite.ts';
export type { Expectation, Step, Trace, TraceComment, TraceHeader } from './language/trace.ts';
export { parseTrace } from './language/trace-text/parse.ts';
export { printTrace } from './language/trace-text/print.ts';
