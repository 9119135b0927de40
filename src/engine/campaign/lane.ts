import { ModelBug } from '../../base/assert.ts';
import type { AnySuite } from '../../language/suite.ts';
import type { TraceHeader } from '../../language/trace.ts';
import { parseTrace } from '../../language/trace-text/parse.ts';
import { printTrace } from '../../language/trace-text/print.ts';
import { MutantNursery } from '../mutants.ts';
import type { Frequency } from '../sequential-test.ts';
import { Session } from '../session.ts';
import { shrinkOn } from '../shrink.ts';
import type { OperationCount } from '../verdict.ts';
import { CoveringSession } from './coverage.ts';
import { shapeOf } from './failure-shape.ts';
import { performRun, type RawFailure } from './numbered-run.ts';
import type {
  CampaignJob,
  FoundFailure,
  Minimal,
  RunsDone,
  RunsTask,
  Scored,
  ScoreTask,
  ShrinkTask,
  Task,
  TaskResult,
} from './task.ts';
import { performTrials } from './trial.ts';

/** Carries out a campaign's tasks, one at a time, on worlds that it boots once and keeps. */
export class Lane {
  readonly #suites: readonly AnySuite[];
  readonly #breathe: () => Promise<void> | undefined;
  readonly #running = new Kept<CoveringSession>();
  readonly #shrinking = new Kept<Session>();
  readonly #nurseries = new Map<string, MutantNursery>();

  /** `breathe` is called between portions of work, for a lane that shares its thread. */
  constructor(suites: readonly AnySuite[], breathe: () => Promise<void> | undefined = () => undefined) {
    this.#suites = suites;
    this.#breathe = breathe;
  }

  perform(task: Task): Promise<TaskResult> {
    switch (task.kind) {
      case 'runs':
        return this.#runs(task);
      case 'shrink':
        return this.#shrink(task);
      case 'score':
        return this.#score(task);
      case 'mutants':
        return Promise.resolve({ kind: task.kind, mutants: this.#nursery(task).mutants });
    }
  }

  async #score(task: ScoreTask): Promise<Scored> {
    const suite = this.#suite(task);
    const { mutant } = task;
    if (mutant === undefined) return { kind: 'score', results: await performTrials(suite, task, this.#breathe) };
    const results = await this.#nursery(task).with(mutant, (prepare) =>
      performTrials(suite, { ...task, prepare }, this.#breathe),
    );
    return { kind: 'score', results };
  }

  #nursery({ suite, kernel }: { readonly suite: string; readonly kernel: string }): MutantNursery {
    const key = `${suite} ${kernel}`;
    const nursery = this.#nurseries.get(key) ?? new MutantNursery(this.#suite({ suite }), kernel);
    this.#nurseries.set(key, nursery);
    return nursery;
  }

  async #runs({ job, first, count }: RunsTask): Promise<RunsDone> {
    const failures: FoundFailure[] = [];
    const known = new Set<string>();
    const bugs: string[] = [];
    const sum = new Sum();
    for (let number = first; number < first + count; number++) {
      try {
        const session = this.#running.get(job, () => new CoveringSession(this.#suite(job), job));
        const before = countsOf(session);
        const outcome = await performRun(session, { ...job, number }, this.#breathe);
        session.occurrences.endRun();
        sum.add(outcome.steps, session, before);
        for (const failure of outcome.failures) failures.push(asText(job, failure));
        for (const name of outcome.known) known.add(name);
      } catch (error) {
        if (!(error instanceof ModelBug)) throw error;
        bugs.push(`in run ${number} of seed ${JSON.stringify(job.seed)}: ${error.stack ?? error.message}`);
        this.#running.forget(job);
      }
    }
    return { kind: 'runs', first, count, failures, known: [...known], bugs, ...sum.all };
  }

  async #shrink({ job, failure }: ShrinkTask): Promise<Minimal> {
    const suite = this.#suite(job);
    const session = this.#shrinking.get(job, () => new Session(suite, job));
    const trace = parseTrace(failure.trace, [suite]);
    const {
      violation,
      executions,
      modelBug,
      trace: minimal,
    } = shrinkOn(session, trace, {
      stop: () => {
        void this.#breathe();
        return false;
      },
    });
    if (modelBug !== undefined) this.#shrinking.forget(job);
    return {
      kind: 'shrink',
      trace: printTrace({ ...minimal, comments: [{ step: -1, place: 'above', text: originOf(job, failure) }] }),
      steps: minimal.steps.length,
      executions,
      violation,
      shape: shapeOf(minimal.steps, violation),
      ...(modelBug !== undefined && { bug: modelBug.stack ?? modelBug.message }),
    };
  }

  #suite({ suite: name }: { readonly suite: string }): AnySuite {
    return this.#suites.find((suite) => suite.name === name)!;
  }
}

/** Where a saved trace comes from, for its first line. */
export function originOf({ seed }: CampaignJob, { run, steps }: FoundFailure): string {
  return ` found by seed "${seed}" in run ${run}, shrunk from ${steps} step${steps === 1 ? '' : 's'}`;
}

function asText(job: CampaignJob, { run, steps, violation, complaint }: RawFailure): FoundFailure {
  const { kernel, suite, seed, machine, fault } = job;
  const header: TraceHeader = {
    kernel,
    suite,
    seed,
    expect: { kind: 'violates', law: violation.law },
    ...(Object.keys(machine).length > 0 && { machine }),
    ...(fault !== undefined && { fault }),
  };
  return { run, complaint, violation, steps: steps.length, trace: printTrace({ header, steps }) };
}

/** Booting takes longer than a task, so worlds are kept; a command over all suites and kernels would fill the memory. */
class Kept<Kind> {
  readonly #sessions = new Map<string, Kind>();

  get(job: CampaignJob, boot: () => Kind): Kind {
    const key = JSON.stringify(job);
    const session = this.#sessions.get(key) ?? boot();
    this.#sessions.delete(key);
    this.#sessions.set(key, session);
    const [oldest] = this.#sessions.keys();
    if (this.#sessions.size > MOST_KEPT) this.#sessions.delete(oldest!);
    return session;
  }

  forget(job: CampaignJob): void {
    this.#sessions.delete(JSON.stringify(job));
  }
}

const MOST_KEPT = 24;

/** What the runs of one task did in all. */
class Sum {
  readonly #judged: Record<string, number> = {};
  readonly #operations: Record<string, OperationCount> = {};
  readonly #occurred: Record<string, number> = {};
  readonly #covered: string[] = [];
  #steps = 0;

  /** Adds a run: the session counted `before` before it. */
  add(steps: number, session: CoveringSession, before: Counts): void {
    this.#steps += steps;
    this.#covered.push(...session.takeFresh());
    for (const [name, { met }] of session.occurrences.frequencies()) {
      this.#occurred[name] = (this.#occurred[name] ?? 0) + met - (before.occurred.get(name)?.met ?? 0);
    }
    for (const [law, times] of session.judged()) {
      this.#judged[law] = (this.#judged[law] ?? 0) + times - (before.judged.get(law) ?? 0);
    }
    for (const [name, { ok, refused }] of session.operationCounts()) {
      const sum = this.#operations[name] ?? { ok: 0, refused: 0 };
      const old = before.operations.get(name);
      this.#operations[name] = {
        ok: sum.ok + ok - (old?.ok ?? 0),
        refused: sum.refused + refused - (old?.refused ?? 0),
      };
    }
  }

  get all() {
    return {
      steps: this.#steps,
      judged: this.#judged,
      operations: this.#operations,
      occurred: this.#occurred,
      covered: this.#covered,
    };
  }
}

interface Counts {
  readonly judged: ReadonlyMap<string, number>;
  readonly operations: ReadonlyMap<string, OperationCount>;
  readonly occurred: ReadonlyMap<string, Frequency>;
}

function countsOf(session: Session): Counts {
  return {
    judged: session.judged(),
    operations: session.operationCounts(),
    occurred: session.occurrences.frequencies(),
  };
}
