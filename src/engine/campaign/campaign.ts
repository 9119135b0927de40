import { shapeOf } from './failure-shape.ts';
import type { Finding } from './findings.ts';
import { JobProgress } from './job-progress.ts';
import type { CampaignJob, FoundFailure, Minimal, Perform, RunsDone, RunsTask, ShrinkTask } from './task.ts';

export interface CampaignOptions {
  readonly jobs: readonly CampaignJob[];
  /** Traces of each job; null: as many as fit until it is stopped. */
  readonly runs: readonly (number | null)[];
  readonly lanes: number;
  readonly perform: Perform;
  /** Milliseconds from any fixed moment. */
  readonly now: () => number;
  /** Asked before each task: true ends the campaign when the tasks under way are done. */
  readonly isOver: () => boolean;
  /** Asked like `isOver`: true also leaves alone what waits for a shrinker (Ctrl-C). */
  readonly isInterrupted: () => boolean;
  /** Told of each result before it counts, to keep it. */
  readonly keep: (record: CampaignRecord) => void;
  readonly onFinding: (job: CampaignJob, finding: Finding) => void;
  /** Told that a lane died or hung, in words. */
  readonly onLoss: (loss: string) => void;
  readonly onProgress: () => void;
}

/** A result that a journal keeps: enough to go on from. */
export type CampaignRecord =
  | { readonly job: number; readonly done: RunsDone }
  | { readonly job: number; readonly run: number; readonly complaint: string; readonly minimal: Minimal };

/**
 * Questions several jobs in several lanes. Which lane does what and when is chance; what comes out is not: runs are numbered,
 * each is the same wherever it is performed, and outcomes count in the order of the numbers.
 */
export class Campaign {
  readonly progress: readonly JobProgress[];
  readonly #options: CampaignOptions;
  /** Shrinking first: what waits for it holds up the counting. */
  readonly #queue: Queued[] = [];
  /** Minimal traces that a journal holds already. */
  readonly #shrunk = new Map<string, Minimal>();
  #wake: (() => void)[] = [];
  #underWay = 0;

  constructor(options: CampaignOptions) {
    this.#options = options;
    this.progress = options.jobs.map(
      (job, index) =>
        new JobProgress(job, {
          shrink: (failure, settle) => this.#enqueue(index, failure, settle),
          finding: (finding) => options.onFinding(job, finding),
        }),
    );
  }

  /** Whether everything that was asked for is done. */
  get isComplete(): boolean {
    const { runs } = this.#options;
    const enough = this.progress.every((one, index) => one.isGivenUp || one.runs >= (runs[index] ?? Infinity));
    return enough && this.#queue.length === 0 && this.#underWay === 0;
  }

  /** Takes up where the journal of an earlier process ends. */
  resume(records: readonly CampaignRecord[]): void {
    for (const record of records) if ('minimal' in record) this.#shrunk.set(keyOf(record), record.minimal);
    for (const record of records) if ('done' in record) this.progress[record.job]!.take(record.done);
  }

  /** Works until everything is done or it is stopped. */
  async run(): Promise<void> {
    // What a journal holds settles first.
    await Promise.resolve();
    await Promise.all(Array.from({ length: this.#options.lanes }, () => this.#lane()));
    // Of what an interruption left unshrunk, enough is told that nobody takes the job for one that holds.
    for (const { job, failure, settle } of this.#queue) {
      if (this.progress[job]!.findings.length === 0) settle(unshrunk(failure));
    }
  }

  async #lane(): Promise<void> {
    const lately = { job: 0 };
    for (;;) {
      const next = this.#next(lately);
      if (next === 'done') break;
      if (next === 'wait') {
        await new Promise<void>((resume) => this.#wake.push(resume));
        continue;
      }
      this.#underWay++;
      try {
        await next();
      } finally {
        this.#underWay--;
        const waiting = this.#wake;
        this.#wake = [];
        for (const resume of waiting) resume();
      }
      this.#options.onProgress();
    }
    for (const resume of this.#wake) resume();
  }

  #next(lately: { job: number }): (() => Promise<void>) | 'wait' | 'done' {
    const { isOver, isInterrupted } = this.#options;
    if (isInterrupted()) return 'done';
    const queued = this.#queue.shift();
    if (queued !== undefined) return () => this.#shrink(queued);
    const runs = isOver() ? undefined : this.#nextRuns(lately.job);
    if (runs !== undefined) lately.job = runs.index;
    if (runs !== undefined) return () => this.#performRuns(runs.index, runs.task);
    return this.#underWay > 0 ? 'wait' : 'done';
  }

  /** Of the job that had the least time so far, or of the lane's last one for a while, whose world is booted already. */
  #nextRuns(last: number): { readonly index: number; readonly task: RunsTask } | undefined {
    const due = (index: number, { spent }: JobProgress) => (index === last ? spent - TURN_MS : spent);
    const byTime = [...this.progress.entries()].sort((one, other) => due(...one) - due(...other));
    for (const [index, progress] of byTime) {
      if (progress.isGivenUp) continue;
      const given = progress.handOut(portionOf(progress), this.#options.runs[index] ?? Number.MAX_SAFE_INTEGER);
      if (given === undefined) continue;
      // Until its result is there, a job counts as having had some time, so that lanes spread over the jobs.
      progress.spent += PORTION_MS;
      return { index, task: { kind: 'runs', job: progress.job, ...given } };
    }
    return undefined;
  }

  async #performRuns(index: number, task: RunsTask): Promise<void> {
    const { perform, now, onLoss } = this.#options;
    const progress = this.progress[index]!;
    const begin = now();
    try {
      const done = (await perform(task)) as RunsDone;
      this.#takeRuns(index, done);
    } catch (error) {
      onLoss(`${lossOf(task, error)}; trying ${task.count === 1 ? 'it' : 'each of them'} once more`);
      for (let run = task.first; run < task.first + task.count; run++)
        await this.#retry(index, { ...task, first: run, count: 1 });
    }
    progress.spent += now() - begin - PORTION_MS;
  }

  async #retry(index: number, task: RunsTask): Promise<void> {
    try {
      this.#takeRuns(index, (await this.#options.perform(task)) as RunsDone);
    } catch (error) {
      const bug = lossOf(task, error);
      this.#options.onLoss(`${bug} again; it is left out`);
      const nothing = { steps: 0, failures: [], known: [], judged: {}, operations: {}, occurred: {}, covered: [] };
      this.#takeRuns(index, { kind: 'runs', first: task.first, count: 1, ...nothing, bugs: [bug] });
    }
  }

  #takeRuns(job: number, done: RunsDone): void {
    this.#options.keep({ job, done });
    this.progress[job]!.take(done);
  }

  #enqueue(job: number, failure: FoundFailure, settle: (minimal: Minimal) => void): void {
    const key = keyOf({ job, run: failure.run, complaint: failure.complaint });
    const known = this.#shrunk.get(key);
    // A settled failure may settle others, so it has to be entered first.
    if (known !== undefined) queueMicrotask(() => settle(known));
    else this.#queue.push({ job, failure, settle });
  }

  async #shrink({ job, failure, settle }: Queued): Promise<void> {
    const { perform, keep, onLoss, jobs } = this.#options;
    const task: ShrinkTask = { kind: 'shrink', job: jobs[job]!, failure };
    const minimal = await perform(task)
      .catch((error: unknown) => {
        onLoss(`${lossOf(task, error)}; trying once more`);
        return perform(task);
      })
      .catch((error: unknown) => {
        onLoss(`${lossOf(task, error)} again; it stays as it was found`);
        return unshrunk(failure);
      });
    keep({ job, run: failure.run, complaint: failure.complaint, minimal: minimal as Minimal });
    settle(minimal as Minimal);
  }
}

interface Queued {
  readonly job: number;
  readonly failure: FoundFailure;
  readonly settle: (minimal: Minimal) => void;
}

function keyOf({ job, run, complaint }: { readonly job: number; readonly run: number; readonly complaint: string }) {
  return `${job} ${run} ${complaint}`;
}

/** As many runs as take some {@link PORTION_MS}, judged by those before; the first portion is one run. */
function portionOf({ runs, spent }: JobProgress): number {
  if (runs === 0 || spent <= 0) return 1;
  return Math.max(1, Math.min(MOST_RUNS, Math.round((PORTION_MS * runs) / spent)));
}

/** What a killed process loses at most, per lane, is what was under way: well below a second. */
const PORTION_MS = 150;
const MOST_RUNS = 4096;
const TURN_MS = 2_000;

function lossOf(task: RunsTask | ShrinkTask, error: unknown): string {
  const { suite, kernel, seed } = task.job;
  const what =
    task.kind === 'shrink'
      ? `shrinking what run ${task.failure.run} found`
      : task.count === 1
        ? `run ${task.first}`
        : `runs ${task.first} to ${task.first + task.count - 1}`;
  const reason = error instanceof Error ? error.message : String(error);
  return `${suite} on ${kernel}, seed ${JSON.stringify(seed)}, ${what}: the worker failed: ${reason}`;
}

function unshrunk({ trace, steps, violation }: FoundFailure): Minimal {
  return { kind: 'shrink', trace, steps, executions: 0, violation, shape: shapeOf([], violation) };
}
