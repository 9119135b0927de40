import { resolve } from 'node:path';
import { Campaign } from '../engine/campaign/campaign.ts';
import type { CampaignJob } from '../engine/campaign/task.ts';
import { InputError } from '../language/input-error.ts';
import { counted, duration, grouped } from '../report/numbers.ts';
import { type CampaignHead, CampaignJournal, type TimedRecord } from './campaign-journal.ts';
import { CampaignLock } from './campaign-lock.ts';
import { findingRecord, type KeptFinding, keepFinding, linesOf, resultOf } from './campaign-result.ts';
import type { Answer, Desk } from './desk.ts';
import { ALL_WELL, OUR_OWN_BUG, WRONG_INPUT } from './exit-codes.ts';
import { inFile, isFolder, makeFolder, orExplain } from './files.ts';
import { type KnownFailure, readKnownFailures } from './known-failures.ts';
import { openLanes } from './lanes.ts';
import { writeReports } from './reports.ts';
import type { RunVerbOptions } from './run-options.ts';
import { type Job, planJobs } from './run-plan.ts';
import { runGroup } from './run-report.ts';
import { exitCodeOf, firstProblem, record, row, runTable, tell } from './run-result.ts';
import { version } from './version.ts';

/** Whether these options ask for a campaign: a run that goes on past what it finds. */
export function isCampaign({ jobs, known, resume, keepGoing, fault }: RunVerbOptions): boolean {
  return (
    jobs !== undefined ||
    known !== undefined ||
    resume !== undefined ||
    keepGoing === true ||
    fault?.includes(',') === true
  );
}

/**
 * `run` with `--jobs`, `--known`, `--keep-going` or `--resume`: questions its suites in several lanes, goes on past what it
 * finds, and keeps a journal in the folder for saved failures.
 */
export async function runCampaign(desk: Desk, suites: readonly string[], options: RunVerbOptions): Promise<Answer> {
  const { surroundings } = desk;
  const folder = options.resume ?? options.save;
  const path = resolve(surroundings.folder, folder);
  if (options.resume === undefined) inFile(folder, () => orExplain('cannot be made', () => makeFolder(path)));
  else if (!isFolder(path)) {
    throw new InputError('there is no such folder; --resume takes the --save folder of a campaign', { file: folder });
  }
  const begun = options.resume === undefined ? newHead(desk, suites, options) : undefined;
  const lock = inFile(folder, () => CampaignLock.take(path));
  let journal: CampaignJournal | undefined;
  try {
    if (begun !== undefined) {
      journal = inFile(folder, () => CampaignJournal.begin(path, begun));
      return await perform(desk, { ...options, folder, head: begun, journal, records: [] });
    }
    const resumed = inFile(folder, () => CampaignJournal.resume(path, version, folder));
    journal = resumed.journal;
    const head = headToResume(desk, suites, options, resumed.head);
    const { records, isTorn } = resumed;
    desk.say(
      `resuming after ${counted(records.length, 'record')}${isTorn ? '; a half written one is done again' : ''}`,
    );
    return await perform(desk, { ...options, folder, head, journal, records });
  } finally {
    journal?.close();
    lock.release();
  }
}

function newHead(desk: Desk, suites: readonly string[], options: RunVerbOptions): CampaignHead {
  const { kernel: kernels, fault, machine = {}, steps } = options;
  const jobs = planJobs(desk.registry, { suites, kernels, fault }).filter(({ lacking }) => lacking === undefined);
  const seed = options.seed ?? desk.surroundings.freshSeed();
  for (const { suite, kernel } of jobs) suite.boot(kernel, machine);
  return {
    tool: 'roxcheck',
    version,
    jobs: jobs.map(({ suite, kernel }) => ({
      suite: suite.name,
      kernel,
      machine,
      seed,
      steps: steps ?? suite.steps,
      ...(fault !== undefined && { fault }),
    })),
    runs: jobs.map(({ suite }) => options.runs ?? (options.for === undefined ? suite.runs : null)),
    time: options.for ?? null,
    modules: desk.modules,
  };
}

/** What a campaign questions is decided when it begins; how long it goes on may change. */
function headToResume(
  desk: Desk,
  suites: readonly string[],
  options: RunVerbOptions,
  head: CampaignHead,
): CampaignHead {
  const { seed, steps, kernel, machine, fault } = options;
  const given = Object.entries({ seed, steps, kernel, machine, fault }).find(([, value]) => value !== undefined);
  if (given !== undefined || suites.length > 0) {
    const what = given === undefined ? 'names of suites' : `--${given[0]}`;
    throw new InputError(`a resumed campaign goes on as it began: --resume takes no ${what}`);
  }
  const missing = head.modules.find((module) => !desk.modules.includes(module));
  if (missing !== undefined) throw new InputError(`the campaign has suites of a module; add --with ${missing}`);
  for (const { suite } of head.jobs) desk.registry.suite(suite);
  return {
    ...head,
    runs: options.runs === undefined ? head.runs : head.runs.map(() => options.runs!),
    time: options.for ?? head.time,
  };
}

type Work = RunVerbOptions & {
  readonly folder: string;
  readonly head: CampaignHead;
  readonly journal: CampaignJournal;
  readonly records: readonly TimedRecord[];
};

async function perform(desk: Desk, work: Work): Promise<Answer> {
  const { surroundings, status } = desk;
  const { head, journal, records, folder, jobs: laneCount = 1, patience = 60_000 } = work;
  const known =
    work.known === undefined
      ? []
      : readKnownFailures(
          desk,
          work.known,
          head.jobs.map((job) => desk.registry.suite(job.suite)),
        );
  const begin = surroundings.now() - (records.at(-1)?.at ?? 0);
  const elapsed = () => surroundings.now() - begin;
  const left = () => (head.time === null ? Infinity : head.time - elapsed());
  const findings: KeptFinding[] = [];
  let unkept: InputError | undefined;
  const lanes = openLanes(desk, laneCount, patience);
  const campaign = new Campaign({
    jobs: head.jobs,
    runs: head.runs,
    lanes: laneCount,
    perform: (task) => lanes.perform(task),
    now: surroundings.now,
    isOver: () => left() <= 0,
    isInterrupted: () => surroundings.stopReason() !== undefined || unkept !== undefined,
    keep(record) {
      try {
        if (unkept === undefined) inFile(folder, () => journal.append({ ...record, at: Math.round(elapsed()) }));
      } catch (error) {
        if (!(error instanceof InputError)) throw error;
        unkept = error;
      }
    },
    onFinding: (job, finding) => void findings.push(keepFinding(desk, { job, finding, folder, known })),
    onLoss: (loss) => desk.complain(loss),
    onProgress: () => status.show(statusText(campaign, findings.length, elapsed() / 1000, left() / 1000)),
  });
  campaign.resume(records);
  try {
    await campaign.run();
  } finally {
    status.clear();
    await lanes.end();
  }
  return conclude(desk, work, { campaign, findings, known, unkept, seconds: elapsed() / 1000 });
}

function statusText({ progress }: Campaign, findings: number, elapsed: number, left: number): string {
  const sum = (of: (one: (typeof progress)[number]) => number) => progress.reduce((total, one) => total + of(one), 0);
  const time = Number.isFinite(left) ? `${duration(Math.max(0, left))} left` : duration(elapsed);
  const waiting = sum(({ waiting }) => waiting);
  return [
    `${grouped(sum(({ runs }) => runs))} runs`,
    `${grouped(sum(({ steps }) => steps) / Math.max(elapsed, 0.001))} steps/s`,
    `${grouped(sum(({ covered }) => covered.size))} covered`,
    counted(findings, 'finding') + (waiting === 0 ? '' : ` (${waiting} being shrunk)`),
    time,
  ].join(', ');
}

interface Done {
  readonly campaign: Campaign;
  readonly findings: readonly KeptFinding[];
  readonly known: readonly KnownFailure[];
  readonly unkept: InputError | undefined;
  readonly seconds: number;
}

function conclude(desk: Desk, work: Work, { campaign, findings, known, unkept, seconds }: Done): Answer {
  const { head, folder, fault } = work;
  const jobs = head.jobs.map((job): Job => ({ suite: desk.registry.suite(job.suite), kernel: job.kernel }));
  const results = campaign.progress.map((progress, index) => {
    const own = findings.filter(({ job }) => job === progress.job);
    return resultOf(progress, jobs[index]!, own, isFullBudget(progress.job, jobs[index]!, progress.runs));
  });
  const table = runTable(jobs, head.jobs[0]?.seed ?? '');
  desk.say(desk.colours.bold(table.head()));
  for (const result of results) {
    desk.say(table.row(row(desk, result)));
    tell(desk, { ...result, kept: undefined! });
  }
  for (const finding of findings) for (const line of ['', ...linesOf(finding)]) desk.say(line);
  for (const { kept } of findings) if (kept.unsaved !== undefined) desk.complain(kept.unsaved.describe());
  const covered = campaign.progress.reduce((sum, one) => sum + one.covered.size, 0);
  const steps = results.reduce((sum, { report }) => sum + (report?.steps ?? 0), 0);
  const fresh = findings.filter((one) => one.known === undefined).length;
  desk.say();
  desk.say(
    `${counted(fresh, 'finding')}${fresh === findings.length ? '' : ` and ${findings.length - fresh} known`}, ` +
      `${grouped(covered)} ways to meet an operation covered, ${counted(steps, 'step')} in ${duration(seconds)}`,
  );
  const stopped = desk.stoppedCode();
  if (!campaign.isComplete && (stopped !== undefined || unkept !== undefined)) {
    const waiting = campaign.progress.reduce((sum, one) => sum + one.waiting, 0);
    if (waiting > 0) desk.say(`${counted(waiting, 'failure')} not shrunk yet`);
    desk.say(`not complete; go on with\n  ${desk.command('run', '--resume', folder)}`);
  }
  const idle = stopped === undefined && unkept === undefined ? unmatched(work, known, findings) : undefined;
  const problem = unkept ?? idle;
  if (problem !== undefined) desk.complain(problem.describe());
  const found = exitCodeOf(results);
  const first = firstProblem(results) ?? firstUnsaved(findings);
  const exitCode =
    first?.exitCode === OUR_OWN_BUG
      ? OUR_OWN_BUG
      : problem !== undefined
        ? WRONG_INPUT
        : (first?.exitCode ?? (found === ALL_WELL ? (stopped ?? ALL_WELL) : found));
  const error = problem === undefined ? first?.error : { message: problem.message, ...problem.place };
  const document = {
    suites: results.map(record),
    findings: findings.map(findingRecord),
    campaign: { lanes: work.jobs ?? 1, folder, seconds, covered, complete: campaign.isComplete, fault },
    ...(error !== undefined && { error }),
  };
  return writeReports(desk, work.report, results.map(runGroup), { exitCode, document });
}

function firstUnsaved(findings: readonly KeptFinding[]) {
  const unsaved = findings.find(({ kept }) => kept.unsaved !== undefined)?.kept.unsaved;
  if (unsaved === undefined) return undefined;
  return { exitCode: WRONG_INPUT, error: { message: unsaved.message, ...unsaved.place } };
}

/** Laws that never had anything to judge are a reason to worry only when there was time for them. */
function isFullBudget({ steps, fault }: CampaignJob, { suite }: Job, runs: number): boolean {
  return fault === undefined && runs >= suite.runs && steps >= suite.steps;
}

/** A list of which nothing was met is about another campaign, or all of it is mended: either way the user should know. */
function unmatched(
  { known: path }: Work,
  known: readonly KnownFailure[],
  findings: readonly KeptFinding[],
): InputError | undefined {
  if (path === undefined || findings.some((one) => one.known !== undefined)) return undefined;
  const list = known.map(({ text }) => `"${text}"`).join(', ');
  return new InputError(`the list matches nothing: this campaign met none of ${list}`, { file: path });
}
