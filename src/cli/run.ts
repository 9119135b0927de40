import { runSuite } from '../engine/run.ts';
import type { RunProgress, RunReport } from '../engine/verdict.ts';
import { InputError } from '../language/input-error.ts';
import type { AnySuite, MachineSettings } from '../language/suite.ts';
import { counted, grouped } from '../report/numbers.ts';
import { progressText } from '../report/status-line.ts';
import { Table } from '../report/table.ts';
import { bugReport } from './bug-report.ts';
import type { Answer, Desk } from './desk.ts';
import { ALL_WELL, FOUND_SOMETHING, OUR_OWN_BUG, WRONG_INPUT } from './exit-codes.ts';
import { type KeptFailure, keepFailure } from './failure.ts';
import { count, milliseconds, names, setting, targetOption } from './option-values.ts';
import type { Verb } from './verb.ts';

export interface RunVerbOptions {
  readonly seed?: string;
  readonly runs?: number;
  readonly steps?: number;
  readonly for?: number;
  readonly kernel?: readonly string[];
  readonly machine: MachineSettings;
  readonly target: string;
  readonly fault?: string;
  readonly save: string;
}

export const runVerb: Verb = {
  name: 'run',
  does: 'runs property suites (all by default): draws traces, performs them, judges every law after every step',
  words: [{ syntax: '[suite...]', does: 'names of suites' }],
  options: [
    { syntax: '--seed <text>', does: 'where chance begins; the same seed gives the same traces (default: fresh)' },
    { syntax: '--runs <n>', does: 'the most traces per suite and kernel', parse: count },
    { syntax: '--steps <n>', does: 'the longest trace', parse: count },
    {
      syntax: '--for <time>',
      does: 'the time of the whole command, shared among its suites, as in 60s',
      parse: milliseconds,
    },
    {
      syntax: '--kernel <names>',
      does: "kernels with commas between them, or all (default: each suite's first)",
      parse: names,
    },
    {
      syntax: '--machine <setting>',
      does: 'KEY=VALUE of the modelled machine (repeatable)',
      parse: setting,
      default: {},
    },
    targetOption,
    { syntax: '--fault <name>', does: 'plants a known bug; without a suite, its own suite and kernel run' },
    { syntax: '--save <folder>', does: 'where found failures are saved', default: 'failures' },
  ],
  act: (desk, words, options: RunVerbOptions) => run(desk, words, options),
};

/** One suite on one kernel. */
interface Job {
  readonly suite: AnySuite;
  readonly kernel: string;
  /** Set when the kernel was asked for without naming a suite and this suite lacks it. */
  readonly skipped?: string;
}

/** Runs the named suites, or all; tells of each as it ends. */
export async function run(desk: Desk, suiteNames: readonly string[], options: RunVerbOptions): Promise<Answer> {
  const { colours, surroundings } = desk;
  const jobs = planJobs(desk, suiteNames, options);
  const seed = options.seed ?? surroundings.freshSeed();
  const end = options.for === undefined ? undefined : surroundings.now() + options.for;
  const table = runTable(jobs, seed);
  if (options.fault !== undefined) desk.say(`fault ${options.fault}: ${desk.registry.fault(options.fault).story}\n`);
  desk.say(colours.bold(table.head()));
  const results: Result[] = [];
  for (const [index, job] of jobs.entries()) {
    if (surroundings.stopReason() !== undefined) break;
    const share = end === undefined ? undefined : (end - surroundings.now()) / (jobs.length - index);
    const result = await runJob(desk, job, { ...options, seed, ...(share !== undefined && { share }) });
    results.push(result);
    desk.say(table.row(cells(desk, result)));
    tell(desk, result);
  }
  const problem = firstProblem(results);
  const exitCode = problem?.exitCode ?? exitCodeOf(desk, results);
  return { exitCode, document: { suites: results.map(record), ...(problem && { error: problem.error }) } };
}

/** What came of a job. */
interface Result {
  readonly job: Job;
  readonly seed: string;
  readonly report?: RunReport;
  readonly seconds: number;
  readonly kept?: KeptFailure;
}

function planJobs({ registry }: Desk, suiteNames: readonly string[], options: RunVerbOptions): readonly Job[] {
  const fault = options.fault === undefined ? undefined : registry.fault(options.fault);
  const faultSuites = fault === undefined ? registry.suites : [registry.suite(fault.suite)];
  const named = suiteNames.length > 0;
  const suites = named ? suiteNames.map((name) => registry.suite(name)) : faultSuites;
  if (suites.length === 0) throw new InputError('there are no suites to run');
  for (const suite of suites) {
    if (fault !== undefined && !suite.faults?.some(({ name }) => name === fault.name)) {
      throw new InputError(`the suite ${suite.name} has no fault ${fault.name}; it belongs to ${fault.suite}`);
    }
  }
  const wanted = options.kernel ?? (fault === undefined ? undefined : [fault.kernel]);
  for (const kernel of wanted ?? []) if (kernel !== 'all') registry.kernel(kernel);
  return suites.flatMap((suite) => jobsOf(suite, wanted, named || fault !== undefined));
}

function jobsOf(suite: AnySuite, wanted: readonly string[] | undefined, demanded: boolean): readonly Job[] {
  if (wanted === undefined) return [{ suite, kernel: suite.kernels[0]! }];
  if (wanted.includes('all')) return suite.kernels.map((kernel) => ({ suite, kernel }));
  return wanted.map((kernel) => {
    if (suite.kernels.includes(kernel)) return { suite, kernel };
    const reason = `the suite ${suite.name} has no kernel ${kernel}; it has ${suite.kernels.join(', ')}`;
    if (demanded) throw new InputError(reason);
    return { suite, kernel, skipped: reason };
  });
}

async function runJob(
  desk: Desk,
  job: Job,
  options: RunVerbOptions & { readonly seed: string; readonly share?: number },
): Promise<Result> {
  const { surroundings, status } = desk;
  const { suite, kernel } = job;
  const { seed, share, machine, fault } = options;
  if (job.skipped !== undefined) return { job, seed, seconds: 0 };
  const begin = surroundings.now();
  const elapsed = () => (surroundings.now() - begin) / 1000;
  // A time without a number of runs means: as many as fit.
  const runs = options.runs ?? (share === undefined ? suite.runs : Number.MAX_SAFE_INTEGER);
  const timeOrRuns = () => (share === undefined ? { totalRuns: runs } : { left: share / 1000 - elapsed() });
  const report = await runSuite(suite, {
    kernel,
    machine,
    seed,
    runs,
    steps: options.steps ?? suite.steps,
    ...(fault !== undefined && { fault }),
    now: surroundings.now,
    stop: () => surroundings.stopReason() !== undefined || (share !== undefined && surroundings.now() - begin >= share),
    onProgress: (progress: RunProgress) =>
      status.show(progressText(`${suite.name} on ${kernel}`, progress, { elapsed: elapsed(), ...timeOrRuns() })),
  });
  const seconds = elapsed();
  if (report.failure === undefined) return { job, seed, report, seconds };
  const kept = keepFailure(desk, suite, report, options.save);
  return { job, seed, report, seconds, kept };
}

function runTable(jobs: readonly Job[], seed: string): Table {
  return new Table([
    { title: 'suite', widest: jobs.map(({ suite }) => suite.name) },
    { title: 'kernel', widest: jobs.map(({ kernel }) => kernel) },
    { title: 'seed', widest: [seed] },
    { title: 'runs', widest: ['100,000'], align: 'right' },
    { title: 'steps', widest: ['10,000,000'], align: 'right' },
    { title: 'steps/s', widest: ['1,000,000'], align: 'right' },
    { title: 'laws judged', align: 'right' },
    { title: 'verdict' },
  ]);
}

function cells({ colours }: Desk, { job, seed, report, seconds }: Result): readonly string[] {
  const { suite, kernel, skipped } = job;
  if (report === undefined) return [suite.name, kernel, seed, '', '', '', '', colours.yellow(`skipped: ${skipped}`)];
  const judged = [...report.judged.values()].filter((times) => times > 0).length;
  const paint = report.verdict === 'holds' ? colours.green : colours.red;
  const known = report.known.length === 0 ? '' : ` (known: ${report.known.join(', ')})`;
  return [
    suite.name,
    kernel,
    seed,
    grouped(report.runs),
    grouped(report.steps),
    grouped(report.steps / Math.max(seconds, 0.001)),
    `${judged} of ${suite.invariants.length}`,
    paint(report.verdict) + known,
  ];
}

/** What a verdict other than "holds" needs to be believed. */
function tell(desk: Desk, { report, kept }: Result): void {
  if (kept !== undefined) for (const line of ['', ...kept.lines, '']) desk.say(line);
  else if (report?.reason !== undefined) desk.say(`  ${report.reason}`);
  if (kept?.unsaved !== undefined) desk.complain(kept.unsaved.describe());
  if (report?.bug !== undefined) desk.complain(bugReport(report.bug));
}

function exitCodeOf(desk: Desk, results: readonly Result[]): number {
  const verdicts = results.map(({ report }) => report?.verdict ?? 'skipped');
  if (verdicts.some((verdict) => verdict === 'violates' || verdict === 'diverges')) return FOUND_SOMETHING;
  const stopped = desk.stoppedCode();
  if (stopped !== undefined) {
    desk.say(`stopped after ${counted(results.length, 'suite')}; nothing was found so far`);
    return stopped;
  }
  return verdicts.includes('vacuous') ? FOUND_SOMETHING : ALL_WELL;
}

/** A result as `--json` gives it. */
function record({ job, seed, report, seconds, kept }: Result) {
  const base = { suite: job.suite.name, kernel: job.kernel, target: 'model', seed };
  if (report === undefined)
    return { ...base, runs: 0, steps: 0, seconds, verdict: 'skipped', reason: job.skipped, known: [] };
  return {
    ...base,
    runs: report.runs,
    steps: report.steps,
    seconds,
    verdict: report.verdict,
    reason: report.reason,
    law: report.failure?.violation.law,
    evidence: report.failure?.violation.evidence,
    known: report.known,
    trace: kept?.text,
    tracePath: kept?.path,
    traceSteps: kept?.steps,
    shrinkExecutions: kept?.executions,
    operations: Object.fromEntries(report.operations),
    judged: Object.fromEntries(report.judged),
  };
}

/** What keeps the answer from being one about the kernel: our own bug, or a failure that could not be saved. */
function firstProblem(results: readonly Result[]): { readonly exitCode: number; readonly error: object } | undefined {
  const bug = results.find(({ report }) => report?.verdict === 'model-bug')?.report;
  if (bug !== undefined)
    return { exitCode: OUR_OWN_BUG, error: { message: bug.reason ?? 'the model contradicts itself' } };
  const unsaved = results.find(({ kept }) => kept?.unsaved !== undefined)?.kept?.unsaved;
  if (unsaved !== undefined) return { exitCode: WRONG_INPUT, error: { message: unsaved.message, ...unsaved.place } };
  return undefined;
}
