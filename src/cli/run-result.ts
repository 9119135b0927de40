import { judgeOccurrence } from '../engine/occurrences.ts';
import type { RunReport, Verdict } from '../engine/verdict.ts';
import type { AnySuite } from '../language/suite.ts';
import { grouped } from '../report/numbers.ts';
import { Table } from '../report/table.ts';
import { bugReport } from './bug-report.ts';
import type { Desk } from './desk.ts';
import { ALL_WELL, FOUND_SOMETHING, OUR_OWN_BUG, WRONG_INPUT } from './exit-codes.ts';
import type { KeptFailure } from './failure.ts';
import type { Job } from './run-plan.ts';

/** What came of a job. */
export interface Result {
  readonly job: Job;
  readonly seed: string;
  readonly verdict: Verdict;
  /** Why, in words, where the verdict alone does not say it. */
  readonly reason?: string;
  /** Undefined when the suite was skipped. */
  readonly report?: RunReport;
  readonly seconds: number;
  readonly kept?: KeptFailure;
}

/** The table that grows by a row with each suite that ends. */
export function runTable(jobs: readonly Job[], seed: string): Table {
  return new Table([
    { title: 'suite', widest: jobs.map(({ suite }) => suite.name) },
    { title: 'kernel', widest: jobs.map(({ kernel }) => kernel) },
    { title: 'seed', widest: [shortened(seed)] },
    { title: 'runs', widest: ['100,000'], align: 'right' },
    { title: 'steps', widest: ['10,000,000'], align: 'right' },
    { title: 'steps/s', widest: ['1,000,000'], align: 'right' },
    { title: 'laws judged', align: 'right' },
    { title: 'verdict' },
  ]);
}

export function row({ colours }: Desk, { job, seed, report, seconds, verdict, reason }: Result): readonly string[] {
  const { suite, kernel } = job;
  if (verdict === 'skipped' || report === undefined) {
    return [suite.name, kernel, shortened(seed), '', '', '', '', colours.yellow(`skipped: ${reason}`)];
  }
  const judged = [...report.judged.values()].filter((times) => times > 0).length;
  const paint = verdict === 'holds' ? colours.green : colours.red;
  const known = report.known.length === 0 ? '' : ` (known: ${report.known.join(', ')})`;
  return [
    suite.name,
    kernel,
    shortened(seed),
    grouped(report.runs),
    grouped(report.steps),
    grouped(report.steps / Math.max(seconds, 0.001)),
    `${judged} of ${suite.invariants.length}`,
    paint(verdict) + known,
  ];
}

/** A long seed would push everything else off the screen; the trace's head and `--json` have all of it. */
const shortened = (seed: string): string =>
  seed.length <= LONGEST_SEED ? seed : `${seed.slice(0, LONGEST_SEED - 1)}…`;
const LONGEST_SEED = 20;

/** Says what a verdict other than "holds" needs to be believed. */
export function tell(desk: Desk, { report, verdict, reason, kept, seconds }: Result): void {
  if (kept !== undefined) for (const line of ['', ...kept.lines, '']) desk.say(line);
  for (const line of report === undefined ? [] : rates(report, seconds)) desk.say(line);
  if (verdict === 'vacuous' || verdict === 'rare') desk.say(`  ${reason}`);
  if (kept?.unsaved !== undefined) desk.complain(kept.unsaved.describe());
  for (const bug of [report?.bug, kept?.bug]) if (bug !== undefined) desk.complain(bugReport(bug));
}

/** For a suite that counts: how many of each operation in a second, laws included, and what one of them costs. */
function rates({ counted, operations }: RunReport, seconds: number): readonly string[] {
  return [...counted].map(([name, sums]) => {
    const { ok = 0, refused = 0 } = operations.get(name) ?? {};
    const each = [...sums].map(([what, sum]) => `${Number((sum / (ok + refused)).toPrecision(3))} ${what}`);
    return `  ${name}: ${grouped(ok / Math.max(seconds, 0.001))} a second; ${each.join(', ')} each`;
  });
}

/** What the verdicts alone make of the exit code. */
export function exitCodeOf(results: readonly Result[]): number {
  const bad: readonly Verdict[] = ['violates', 'diverges', 'vacuous', 'rare'];
  return results.some(({ verdict }) => bad.includes(verdict)) ? FOUND_SOMETHING : ALL_WELL;
}

/** A result as `--json` gives it. */
export function record({ job, seed, report, seconds, verdict, reason, kept }: Result) {
  return {
    suite: job.suite.name,
    kernel: job.kernel,
    target: 'model',
    seed,
    runs: report?.runs ?? 0,
    steps: report?.steps ?? 0,
    seconds,
    verdict,
    reason,
    law: report?.failure?.violation.law,
    evidence: report?.failure?.violation.evidence,
    known: report?.known ?? [],
    trace: kept?.text,
    tracePath: kept?.path,
    traceSteps: kept?.steps,
    shrinkExecutions: kept?.executions,
    operations: Object.fromEntries(report?.operations ?? []),
    judged: Object.fromEntries(report?.judged ?? []),
    occurrences: Object.fromEntries(occurrencesOf(job.suite, report)),
    counted: Object.fromEntries([...(report?.counted ?? [])].map(([name, sums]) => [name, Object.fromEntries(sums)])),
  };
}

/** How often what the runs should meet was met, and what that says. */
function occurrencesOf({ occurrences = [] }: AnySuite, report: RunReport | undefined) {
  return occurrences.flatMap((occurrence) => {
    const frequency = report?.occurred.get(occurrence.name);
    if (frequency === undefined) return [];
    const { share } = occurrence;
    // Whether the budget was used up is told by the verdict.
    const verdict = judgeOccurrence(occurrence, frequency, report?.verdict === 'rare');
    return [[occurrence.name, { ...frequency, share, verdict }] as const];
  });
}

/** A result's one finding as `--json` gives it; a run ends with the first. */
export function findingOf({ job, report, kept }: Result) {
  const { violation, run } = report?.failure ?? {};
  if (violation === undefined || kept === undefined) return [];
  const { law, operation } = violation;
  const { text: trace, path: tracePath, steps: traceSteps, executions: shrinkExecutions } = kept;
  const where = { suite: job.suite.name, kernel: job.kernel };
  return [{ ...where, law, operation, trace, tracePath, traceSteps, shrinkExecutions, count: 1, firstRun: run }];
}

/** What keeps the answer from being one about the kernel: our own bug, or a failure that could not be saved. */
export function firstProblem(
  results: readonly Result[],
): { readonly exitCode: number; readonly error: object } | undefined {
  const bug = results.find(({ verdict }) => verdict === 'model-bug');
  if (bug !== undefined)
    return { exitCode: OUR_OWN_BUG, error: { message: bug.reason ?? 'the model contradicts itself' } };
  const unsaved = results.find(({ kept }) => kept?.unsaved !== undefined)?.kept?.unsaved;
  if (unsaved !== undefined) return { exitCode: WRONG_INPUT, error: { message: unsaved.message, ...unsaved.place } };
  return undefined;
}
