import type { Finding } from '../engine/campaign/findings.ts';
import type { JobProgress } from '../engine/campaign/job-progress.ts';
import type { CampaignJob } from '../engine/campaign/task.ts';
import { rarities } from '../engine/occurrences.ts';
import type { Frequency } from '../engine/sequential-test.ts';
import type { RunReport, Verdict } from '../engine/verdict.ts';
import type { AnySuite } from '../language/suite.ts';
import { parseTrace } from '../language/trace-text/parse.ts';
import { counted } from '../report/numbers.ts';
import type { Desk } from './desk.ts';
import { type KeptFailure, keepShrunk, type Shrunk } from './failure.ts';
import type { KnownFailure } from './known-failures.ts';
import type { Job } from './run-plan.ts';
import type { Result } from './run-result.ts';

/** A finding with its saved trace. */
export interface KeptFinding {
  readonly job: CampaignJob;
  readonly finding: Finding;
  readonly kept: KeptFailure;
  /** The line of the user's list that knows it. */
  readonly known: KnownFailure | undefined;
}

/** Saves the trace of a finding as soon as it is one. */
export function keepFinding(
  desk: Desk,
  {
    job,
    finding,
    folder,
    known,
  }: { job: CampaignJob; finding: Finding; folder: string; known: readonly KnownFailure[] },
): KeptFinding {
  const kept = keepShrunk(desk, shrunkOf(desk.registry.suite(job.suite), job, finding), folder);
  return { job, finding, kept, known: known.find((one) => one.recognises(job.suite, finding.minimal)) };
}

/** The same with the count that it has come to, for people. */
export function linesOf({ job, finding, kept, known }: KeptFinding): readonly string[] {
  const { law, operation } = finding.minimal.violation;
  const times = counted(finding.count, 'time');
  if (known !== undefined)
    return [`${job.suite} on ${job.kernel}: ${law} after ${operation}, met ${times}, is known: ${known.text}`];
  return kept.lines.map((line) => line.replace(/^found in run/, `met ${times}, first found in run`));
}

/** A finding as `--json` gives it. */
export function findingRecord({ job, finding, kept, known }: KeptFinding) {
  const { minimal, first, count } = finding;
  const { law, operation, evidence } = minimal.violation;
  return {
    suite: job.suite,
    kernel: job.kernel,
    law,
    operation,
    evidence,
    trace: kept.text,
    tracePath: kept.path,
    traceSteps: minimal.steps,
    shrinkExecutions: minimal.executions,
    count,
    firstRun: first.run,
    known: known?.text,
  };
}

/** What came of one job, in the form of a plain run. */
export function resultOf(
  progress: JobProgress,
  job: Job,
  findings: readonly KeptFinding[],
  isFullBudget: boolean,
): Result {
  const fresh = findings.filter(({ known }) => known === undefined);
  const verdict = verdictOf(progress, job.suite, fresh, isFullBudget);
  const [first] = fresh;
  const { seed } = progress.job;
  const known = findings.flatMap((one) => (one.known === undefined ? [] : [one.known.text]));
  const report: RunReport = {
    suite: job.suite.name,
    kernel: job.kernel,
    seed,
    runs: progress.runs,
    steps: progress.steps,
    known: [...new Set([...progress.known, ...known])],
    operations: progress.operations,
    judged: progress.judged,
    occurred: frequenciesOf(progress, job.suite),
    counted: new Map(),
    ...verdict,
    ...(first !== undefined && { failure: failureOf(job.suite, first) }),
    ...(progress.bugs.length > 0 && { bug: new Error(progress.bugs[0]) }),
  };
  const seconds = progress.spent / 1000;
  return { job, seed, report, seconds, ...verdict, ...(first !== undefined && { kept: first.kept }) };
}

function frequenciesOf(
  { runs, occurred }: JobProgress,
  { occurrences = [] }: AnySuite,
): ReadonlyMap<string, Frequency> {
  return new Map(occurrences.map(({ name }) => [name, { runs, met: occurred.get(name) ?? 0 }]));
}

function verdictOf(
  progress: JobProgress,
  suite: AnySuite,
  fresh: readonly KeptFinding[],
  isFullBudget: boolean,
): { readonly verdict: Verdict; readonly reason?: string } {
  const { bugs, runs, judged, job } = progress;
  if (bugs[0] !== undefined) return { verdict: 'model-bug', reason: bugs[0].split('\n', 1)[0]! };
  if (fresh.length > 0) return { verdict: 'violates' };
  if (runs === 0) return { verdict: 'skipped', reason: 'no time was left' };
  const idle = suite.invariants.filter(({ name }) => (judged.get(name) ?? 0) === 0);
  if (isFullBudget && idle.length > 0) {
    return { verdict: 'vacuous', reason: `never had anything to judge: ${idle.map(({ name }) => name).join(', ')}` };
  }
  // Shorter traces meet less, and a fault may forbid it.
  if (job.fault !== undefined || job.steps < suite.steps) return { verdict: 'holds' };
  const reason = rarities(suite.occurrences ?? [], frequenciesOf(progress, suite), isFullBudget);
  return reason === undefined ? { verdict: 'holds' } : { verdict: 'rare', reason };
}

function failureOf(suite: AnySuite, { finding: { minimal, first } }: KeptFinding) {
  return { trace: parseTrace(minimal.trace, [suite]), violation: minimal.violation, run: first.run };
}

function shrunkOf(suite: AnySuite, job: CampaignJob, { minimal, first }: Finding): Shrunk {
  const { violation, executions, bug } = minimal;
  return {
    suite,
    kernel: job.kernel,
    run: first.run,
    stepsBefore: first.steps,
    trace: parseTrace(minimal.trace, [suite]),
    text: minimal.trace,
    violation,
    executions,
    bug: bug === undefined ? undefined : new Error(bug),
  };
}
