import type { OperationCount } from '../verdict.ts';
import { type Finding, Findings } from './findings.ts';
import type { CampaignJob, FoundFailure, Minimal, RunsDone } from './task.ts';

/**
 * How far a campaign is with one of its jobs. Runs are handed out in the order of their numbers and may come back in any;
 * they count in their order, so that what is reported is always the outcome of the runs 0 to n.
 */
export class JobProgress {
  readonly job: CampaignJob;
  readonly known = new Set<string>();
  readonly covered = new Set<string>();
  readonly judged = new Map<string, number>();
  readonly operations = new Map<string, OperationCount>();
  /** In how many runs each occurrence was met. */
  readonly occurred = new Map<string, number>();
  readonly bugs: string[] = [];
  /** Milliseconds that lanes spent on it. */
  spent = 0;
  #runs = 0;
  #steps = 0;
  #handedOut = 0;
  /** Done, by number of the first run, but not yet counted. */
  readonly #early = new Map<number, RunsDone>();
  readonly #findings: Findings;
  readonly #shrink: (failure: FoundFailure, settle: (minimal: Minimal) => void) => void;

  constructor(
    job: CampaignJob,
    on: {
      readonly shrink: (failure: FoundFailure, settle: (minimal: Minimal) => void) => void;
      readonly finding: (finding: Finding) => void;
    },
  ) {
    this.job = job;
    this.#shrink = on.shrink;
    this.#findings = new Findings(on.finding);
  }

  /** Runs whose outcome counts: 0 to this number. */
  get runs(): number {
    return this.#runs;
  }

  get steps(): number {
    return this.#steps;
  }

  get findings(): readonly Finding[] {
    return this.#findings.all;
  }

  /** Failures that wait for a shrinker. */
  get waiting(): number {
    return this.#findings.waiting;
  }

  /** Whether so many runs met mistakes of our own that more would tell nothing. */
  get isGivenUp(): boolean {
    return this.bugs.length >= MOST_BUGS;
  }

  /** The next runs to perform, at most so many; undefined when all below `limit` are handed out. */
  handOut(count: number, limit: number): { readonly first: number; readonly count: number } | undefined {
    // Runs that a journal holds already are passed over.
    for (let early = this.#early.get(this.#handedOut); early !== undefined; ) {
      this.#handedOut += early.count;
      early = this.#early.get(this.#handedOut);
    }
    const first = this.#handedOut;
    const next = Math.min(limit, ...[...this.#early.keys()].filter((number) => number >= first));
    if (first >= next) return undefined;
    const given = Math.min(count, next - first);
    this.#handedOut += given;
    return { first, count: given };
  }

  /** Takes the outcome of runs. */
  take(done: RunsDone): void {
    if (done.first < this.#runs) return;
    this.#early.set(done.first, done);
    for (let next = this.#early.get(this.#runs); next !== undefined; next = this.#early.get(this.#runs)) {
      this.#early.delete(this.#runs);
      this.#count(next);
    }
    this.#handedOut = Math.max(this.#handedOut, this.#runs);
  }

  #count({ count, steps, failures, known, judged, operations, occurred, covered, bugs }: RunsDone): void {
    this.#runs += count;
    this.#steps += steps;
    for (const name of known) this.known.add(name);
    for (const point of covered) this.covered.add(point);
    for (const [law, times] of Object.entries(judged)) this.judged.set(law, (this.judged.get(law) ?? 0) + times);
    for (const [name, { ok, refused }] of Object.entries(operations)) {
      const sum = this.operations.get(name) ?? { ok: 0, refused: 0 };
      this.operations.set(name, { ok: sum.ok + ok, refused: sum.refused + refused });
    }
    for (const [name, met] of Object.entries(occurred)) this.occurred.set(name, (this.occurred.get(name) ?? 0) + met);
    this.bugs.push(...bugs);
    for (const failure of failures) {
      const settle = this.#findings.meet(failure);
      if (settle !== undefined) this.#shrink(failure, settle);
    }
  }
}

const MOST_BUGS = 3;
