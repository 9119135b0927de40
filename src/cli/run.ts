import { runSuite } from '../engine/run.ts';
import { counted } from '../report/numbers.ts';
import { progressText } from '../report/status-line.ts';
import { isCampaign, runCampaign } from './campaign-run.ts';
import type { Answer, Desk } from './desk.ts';
import { ALL_WELL } from './exit-codes.ts';
import { keepFailure } from './failure.ts';
import { allowHazardOption, count, milliseconds, names, setting, target } from './option-values.ts';
import { reportOption, writeReports } from './reports.ts';
import { runExhaustive } from './run-exhaustive.ts';
import { runLive } from './run-live.ts';
import type { RunVerbOptions } from './run-options.ts';
import { type Job, planJobs } from './run-plan.ts';
import { runGroup } from './run-report.ts';
import { exitCodeOf, findingOf, firstProblem, type Result, record, row, runTable, tell } from './run-result.ts';
import type { Verb } from './verb.ts';

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
    },
    {
      syntax: '--target <target>',
      does: 'what performs the steps: model, or live (the running kernel, for the suites arena, prog-pack, jit and core-relocation)',
      default: 'model',
      parse: target,
    },
    { syntax: '--fault <name>', does: 'plants a known bug; without a suite, its own suite and kernel run' },
    allowHazardOption,
    { syntax: '--save <folder>', does: 'where found failures are saved', default: 'failures' },
    reportOption,
    { syntax: '--jobs <n>', does: 'a campaign: so many lanes at once, past what they find', parse: count },
    { syntax: '--keep-going', does: 'a campaign in one lane: goes on past what it finds' },
    { syntax: '--known <file>', does: 'a campaign that counts these failures and does not fail for them' },
    { syntax: '--resume <folder>', does: 'goes on with the campaign of this --save folder' },
    {
      syntax: '--patience <time>',
      does: 'how long a lane may show no progress before it is taken for hung (default: 60s)',
      parse: milliseconds,
    },
    { syntax: '--exhaustive <n>', does: 'performs every trace of up to n steps instead of drawing some', parse: count },
    { syntax: '--values <n>', does: 'with --exhaustive: the most values that an argument takes', parse: count },
  ],
  act: async (desk, words, options: RunVerbOptions) => {
    const { exhaustive, target: performer } = options;
    if (performer === 'live') return runLive(desk, words, options);
    return exhaustive === undefined
      ? run(desk, words, options)
      : runExhaustive(desk, words, { ...options, exhaustive });
  },
};

/** Runs the named suites, or all; tells of each as it ends. */
export async function run(desk: Desk, suiteNames: readonly string[], options: RunVerbOptions): Promise<Answer> {
  if (options.fault !== undefined) {
    for (const { name, story } of desk.registry.faultsNamed(options.fault)) desk.say(`fault ${name}: ${story}\n`);
  }
  if (isCampaign(options)) return runCampaign(desk, suiteNames, options);
  const { colours, registry, surroundings } = desk;
  const jobs = planJobs(registry, { suites: suiteNames, kernels: options.kernel, fault: options.fault });
  const seed = options.seed ?? surroundings.freshSeed();
  const end = options.for === undefined ? undefined : surroundings.now() + options.for;
  // A setting that some machine cannot have is said before the table begins.
  if (options.machine !== undefined) for (const { suite, kernel } of jobs) suite.boot(kernel, options.machine);
  const table = runTable(jobs, seed);
  desk.say(colours.bold(table.head()));
  const results: Result[] = [];
  for (const [index, job] of jobs.entries()) {
    if (surroundings.stopReason() !== undefined) break;
    const share = end === undefined ? undefined : (end - surroundings.now()) / (jobs.length - index);
    const result = await runJob(desk, job, { ...options, seed, share });
    results.push(result);
    desk.say(table.row(row(desk, result)));
    tell(desk, result);
  }
  return writeReports(desk, options.report, results.map(runGroup), answer(desk, jobs, results));
}

type JobOptions = RunVerbOptions & {
  readonly seed: string;
  /** Milliseconds that this job may take; undefined when only the number of runs ends it. */
  readonly share: number | undefined;
};

async function runJob(desk: Desk, job: Job, options: JobOptions): Promise<Result> {
  const { surroundings, status } = desk;
  const { suite, kernel, lacking } = job;
  const { seed, share, machine = {}, fault } = options;
  if (lacking !== undefined) return { job, seed, seconds: 0, verdict: 'skipped', reason: lacking };
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
    stop: () => surroundings.stopReason() !== undefined || (share !== undefined && elapsed() * 1000 >= share),
    onProgress: (progress) =>
      status.show(progressText(`${suite.name} on ${kernel}`, progress, { elapsed: elapsed(), ...timeOrRuns() })),
  });
  const { verdict, reason } = report;
  const base = { job, seed, report, seconds: elapsed(), ...(reason !== undefined && { reason }) };
  // What was never tried does not hold.
  if (verdict === 'holds' && report.runs === 0) return { ...base, verdict: 'skipped', reason: 'no time was left' };
  if (report.failure === undefined) return { ...base, verdict };
  return { ...base, verdict, kept: keepFailure(desk, suite, report, options.save) };
}

function answer(desk: Desk, jobs: readonly Job[], results: readonly Result[]): Answer {
  const problem = firstProblem(results);
  const found = exitCodeOf(results);
  const stopped = desk.stoppedCode();
  if (stopped !== undefined) {
    desk.say(`stopped in suite ${results.length} of ${counted(jobs.length, 'suite')}`);
  }
  const exitCode = problem?.exitCode ?? (found === ALL_WELL ? (stopped ?? ALL_WELL) : found);
  const findings = results.flatMap(findingOf);
  return { exitCode, document: { suites: results.map(record), findings, ...(problem && { error: problem.error }) } };
}
