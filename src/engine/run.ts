import { ModelBug } from '../base/assert.ts';
import type { JournaledWorld, Suite } from '../language/suite.ts';
import type { Step, Trace } from '../language/trace.ts';
import { randomOfRun, Walk } from './generate.ts';
import { rarities } from './occurrences.ts';
import { Session } from './session.ts';
import type { Failure, RunOptions, RunReport, Verdict, Violation } from './verdict.ts';

/**
 * Runs a suite: numbered traces, each generated and performed step by step with all laws judged, until the budget is used
 * up or a law breaks. The same options give the same report, whoever else runs. Yields to the event loop about every 50 ms,
 * for a worker that stays away from it for a minute is taken for dead.
 *
 * Throws an InputError for a kernel, fault or machine setting that the suite does not know.
 */
export async function runSuite<World extends JournaledWorld>(
  suite: Suite<World>,
  options: RunOptions,
): Promise<RunReport> {
  const progress = new Progress(suite, options);
  try {
    progress.session = new Session(suite, options);
    const fresh = progress.session.violation;
    if (fresh !== undefined) return progress.violates([], fresh);
    for (let number = 0; number < options.runs; number++) {
      if (await progress.isStopped()) break;
      const { seed, kernel } = options;
      const walk = new Walk(progress.session, randomOfRun({ seed, suite: suite.name, kernel, number }), options.steps);
      while (!walk.advance(PORTION)) await progress.breathe(walk.length);
      progress.count(walk.length);
      progress.session.occurrences.endRun();
      if (walk.outcome === 'known') progress.known.add(progress.session.knownBug!);
      if (walk.outcome === 'violates') return progress.violates(walk.steps, progress.session.violation!);
    }
    return progress.done();
  } catch (error) {
    if (error instanceof ModelBug) return progress.report('model-bug', { reason: error.message, bug: error });
    throw error;
  }
}

/** Steps between two looks at the time: some 30 ms of a slow suite (half a millisecond a step). */
const PORTION = 64;
const YIELD_EVERY_MS = 50;
/** Without a clock: steps between two yields. */
const YIELD_EVERY_STEPS = 16 * PORTION;

/** What a run has done so far. */
class Progress<World extends JournaledWorld> {
  readonly known = new Set<string>();
  session: Session<World> | undefined;
  readonly #suite: Suite<World>;
  readonly #options: RunOptions;
  #runs = 0;
  #steps = 0;
  #lastYield: number;
  #stopped = false;

  constructor(suite: Suite<World>, options: RunOptions) {
    this.#suite = suite;
    this.#options = options;
    this.#lastYield = this.#clock(0);
  }

  count(steps: number): void {
    this.#runs++;
    this.#steps += steps;
  }

  /** Lets others run when it is time to. `stepsUnderway` belong to a trace that is not counted yet. */
  async breathe(stepsUnderway = 0): Promise<void> {
    const now = this.#clock(stepsUnderway);
    const interval = this.#options.now === undefined ? YIELD_EVERY_STEPS : YIELD_EVERY_MS;
    if (now - this.#lastYield < interval) return;
    await new Promise<void>((resume) => setImmediate(resume));
    const { onProgress } = this.#options;
    onProgress?.({ runs: this.#runs, steps: this.#steps + stepsUnderway, judged: this.session?.judgedInAll() ?? 0 });
    this.#lastYield = this.#clock(stepsUnderway);
  }

  async isStopped(): Promise<boolean> {
    await this.breathe();
    this.#stopped = this.#options.stop?.() === true;
    return this.#stopped;
  }

  /** The verdict when no law broke. */
  done(): RunReport {
    const { fault, runs, steps } = this.#options;
    const { occurrences = [] } = this.#suite;
    // Shorter traces meet less, and a fault may forbid it.
    if (fault !== undefined || steps < this.#suite.steps) return this.report('holds', {});
    const isFullBudget = !this.#stopped && runs >= this.#suite.runs;
    const idle = this.#suite.invariants.filter(({ name }) => this.session?.judged().get(name) === 0);
    const names = idle.map(({ name }) => name).join(', ');
    if (isFullBudget && idle.length > 0)
      return this.report('vacuous', { reason: `never had anything to judge: ${names}` });
    const reason = rarities(occurrences, this.session!.occurrences.frequencies(), isFullBudget);
    return reason === undefined ? this.report('holds', {}) : this.report('rare', { reason });
  }

  violates(steps: readonly Step[], violation: Violation): RunReport {
    const run = Math.max(0, this.#runs - 1);
    return this.report('violates', { failure: { trace: this.#trace(steps, violation), violation, run } });
  }

  report(verdict: Verdict, more: { failure?: Failure; reason?: string; bug?: Error }): RunReport {
    return {
      suite: this.#suite.name,
      kernel: this.#options.kernel,
      seed: this.#options.seed,
      runs: this.#runs,
      steps: this.#steps,
      verdict,
      known: [...this.known],
      operations: this.session?.operationCounts() ?? new Map(),
      judged: this.session?.judged() ?? new Map(),
      occurred: this.session?.occurrences.frequencies() ?? new Map(),
      counted: this.session?.counted() ?? new Map(),
      ...more,
    };
  }

  #trace(steps: readonly Step[], violation: Violation): Trace {
    const { kernel, machine, seed, fault } = this.#options;
    const header = {
      kernel,
      suite: this.#suite.name,
      seed,
      expect: { kind: 'violates', law: violation.law },
      ...(Object.keys(machine).length > 0 && { machine }),
      ...(fault !== undefined && { fault }),
    } as const;
    return { header, steps };
  }

  #clock(stepsUnderway: number): number {
    return this.#options.now?.() ?? this.#steps + stepsUnderway;
  }
}
