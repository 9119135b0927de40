import { ModelBug } from '../base/assert.ts';
import { InputError } from '../language/input-error.ts';
import type { Happened } from '../language/invariant.ts';
import { type AnyOperation, Refusal } from '../language/operation.ts';
import type { JournaledWorld, MachineSettings, Suite } from '../language/suite.ts';
import type { Step } from '../language/trace.ts';
import { type CompiledOperation, compile, type Values } from './compiled-operation.ts';
import { type Cursor, compileReplay } from './compiled-replay.ts';
import { type Broken, Judge } from './judge.ts';
import { Mixture } from './mixture.ts';
import { Novelty } from './novelty.ts';
import { Occurrences } from './occurrences.ts';
import { Pool, type ResultKind, resultKinds } from './pool.ts';
import { Stage } from './stage.ts';
import { StepColumns } from './step-columns.ts';
import { stepText } from './step-text.ts';
import type { OperationCount, Violation } from './verdict.ts';

export interface SessionOptions {
  readonly kernel: string;
  readonly machine?: MachineSettings;
  /** The name of a fault of the suite to plant, or several with commas between them. */
  readonly fault?: string | undefined;
  /** False performs without any law or ghost, to measure what they cost. */
  readonly judging?: boolean;
  /** The share of the runs that lean to what is new, to measure what that is worth; most of them where it is not given. */
  readonly curiosity?: number;
}

/**
 * What a step led to. `not-ready`: it makes no sense now and nothing was done. `refused`: the kernel said no. After
 * `violates` and `known` the state is broken and the trace ends.
 */
export type Outcome = 'not-ready' | 'ok' | 'refused' | 'violates' | 'known';

/**
 * One suite on one kernel: boots its world once and then performs trace after trace on it, each from the fresh state, which
 * the world's journal brings back.
 */
export class Session<World extends JournaledWorld = JournaledWorld> {
  readonly operations: readonly CompiledOperation[];
  /** What the walk under way has performed; the next walk of the session begins them anew. */
  readonly columns: StepColumns;
  /** How the runs of the session lean. */
  readonly mixture: Mixture;
  /** What the walk under way has met. */
  readonly novelty: Novelty;
  /** What the suite's runs should meet. */
  readonly occurrences: Occurrences<World>;
  readonly #kinds: readonly ResultKind[];
  readonly #byOperation: ReadonlyMap<AnyOperation, CompiledOperation>;
  readonly #suite: Suite<World>;
  readonly #options: SessionOptions;
  readonly #judge: Judge<World>;
  readonly #stage: Stage<World>;
  #stepCount = 0;
  #broken: readonly Broken[] = [];
  #violation: Violation | undefined;
  #knownBug: string | undefined;

  constructor(suite: Suite<World>, options: SessionOptions) {
    if (!suite.kernels.includes(options.kernel)) {
      throw new InputError(`suite ${suite.name} has no kernel ${options.kernel}; it has ${suite.kernels.join(', ')}`);
    }
    this.#suite = suite;
    this.#options = options;
    this.operations = suite.operations.map(compile);
    this.columns = new StepColumns(this.operations);
    this.#kinds = resultKinds(this.operations);
    for (const compiled of this.operations) compiled.numberKinds(this.#kinds);
    this.mixture = new Mixture(this.operations, options.curiosity);
    this.novelty = new Novelty(this.operations);
    this.occurrences = new Occurrences(suite.occurrences ?? []);
    this.#byOperation = new Map(this.operations.map((compiled) => [compiled.operation, compiled]));
    this.#judge = new Judge(options.judging === false ? [] : suite.invariants);
    try {
      const world = this.#boot();
      this.#stage = new Stage(world, new Pool(this.#kinds, world.journal), this.operations[0]!);
      this.#violation = this.#judgeFreshState();
    } catch (error) {
      throw error instanceof InputError ? error : asModelBug(error, 'while booting');
    }
  }

  get world(): World {
    return this.#stage.world;
  }

  get pool(): Pool {
    return this.#stage.pool;
  }

  /** Steps performed since the fresh state. */
  get stepCount(): number {
    return this.#stepCount;
  }

  /** Where the world's journal stands: see {@link Session.undoTo}. */
  get position(): number {
    return this.#stage.world.journal.position;
  }

  /** The step just performed, as laws saw it; valid until the next one. */
  get happened(): Happened {
    return this.#stage.happened;
  }

  /** What broke; also set when the fresh state itself breaks a law, for then no trace can begin. */
  get violation(): Violation | undefined {
    return this.#violation;
  }

  /** All laws that the last step broke, in the order of the suite's list; the violation is about the first unknown one. */
  get broken(): readonly Broken[] {
    return this.#broken;
  }

  /** The kernel bug that the violation is, after the outcome `known`. */
  get knownBug(): string | undefined {
    return this.#knownBug;
  }

  /**
   * Brings the fresh state back. A world whose beginning the journal has forgotten is booted anew, and so is one that wrote so
   * little while booting that taking back what happened since would be more work.
   */
  reset(): void {
    const { freshPosition } = this.#stage;
    const isSmall = this.position > BOOTING_IS_CHEAPER * (freshPosition + 1);
    if (isSmall || !this.undoTo(freshPosition, 0)) this.#stage.begin(this.#boot());
    this.#stepCount = 0;
    this.#forgive();
  }

  /** Takes steps back until the journal stands where it stood after `stepCount` steps; false when that is forgotten. */
  undoTo(position: number, stepCount: number): boolean {
    if (!this.#stage.world.journal.undoTo(position)) return false;
    this.#stepCount = stepCount;
    this.#forgive();
    return true;
  }

  /** Takes the last step back; false when the journal has forgotten what stood before it. */
  takeBack(): boolean {
    return this.undoTo(this.#stage.stepPosition, this.#stepCount - 1);
  }

  /** Performs a step and judges the laws. Throws a ModelBug for anything that is our own mistake. */
  perform({ operation, args, made }: Step): Outcome {
    return this.performAs(this.compiled(operation), args, made);
  }

  /** The same for one of the session's own operations. */
  performAs(compiled: CompiledOperation, args: Values, made: readonly number[]): Outcome {
    const { world, pool } = this.#stage;
    try {
      const taken = compiled.resolve(args, pool, world);
      if (taken === undefined) return 'not-ready';
      const { ends } = compiled.operation;
      return this.carryOut(compiled, taken, made, ends === undefined ? NO_RESULT : (args[ends] as number));
    } catch (error) {
      throw this.modelBug(error, { operation: compiled.operation, args, made });
    }
  }

  /** Performs a step that makes sense; `made` numbers its results, `ended` is the one that does not outlive its success. */
  carryOut(compiled: CompiledOperation, taken: Values, made: readonly number[], ended: number): Outcome {
    const stage = this.#stage;
    const { counters } = this.#suite;
    const before = counters?.(stage.world);
    const returned = stage.apply(compiled, taken);
    if (before !== undefined) addChanges(compiled.counted, before, counters!(stage.world));
    this.occurrences.look(stage.world, stage.happened);
    const broken = this.#judge.afterStep(stage.world, stage.happened);
    this.#broken = broken;
    // Results are bound last, so that laws and ghosts see the world's own changes and nothing else.
    const refused = returned instanceof Refusal;
    if (refused) compiled.refused++;
    else {
      compiled.ok++;
      if (compiled.kinds.length > 0) stage.bindResults(compiled, made, returned);
      if (ended !== NO_RESULT) stage.pool.end(ended, compiled.endedKind);
    }
    this.#stepCount++;
    if (broken.length > 0) return this.#breaks(compiled.operation.name);
    return refused ? 'refused' : 'ok';
  }

  /**
   * Performs a recorded trace from the fresh state, up to its end or to the first step that breaks a law. Steps that make no
   * sense are left out. The fastest way to perform steps; `happened` tells of the one that broke a law only.
   */
  replay(columns: StepColumns): Outcome {
    this.reset();
    const cursor: Cursor = { step: 0, number: 0, other: 0, result: 0, performed: 0 };
    const judge = this.#judge;
    const cast = { stage: this.#stage, operations: this.operations, judge };
    try {
      compileReplay(this.#suite, this.operations, judge, this.#kinds)(cast, columns, cursor);
    } catch (error) {
      this.#stepCount = cursor.performed;
      throw this.modelBug(error, columns.steps()[cursor.step - 1]!);
    }
    this.#stepCount = cursor.performed;
    this.#broken = judge.takeBroken();
    if (this.#broken.length === 0) return 'ok';
    return this.#breaks(this.operations[columns.codes[cursor.step - 1]!]!.operation.name);
  }

  /** The mistake of our own that stopped this step. */
  modelBug(error: unknown, step: Step): ModelBug {
    return asModelBug(error, `at step ${this.#stepCount}: ${stepText(step)}`);
  }

  /** Judges the whole state as it stands, whatever the last step changed. */
  judgeEverything(): readonly Broken[] {
    return this.#judge.wholeState(this.#stage.world);
  }

  compiled(operation: AnyOperation): CompiledOperation {
    const compiled = this.#byOperation.get(operation);
    if (compiled === undefined) throw new InputError(`suite ${this.#suite.name} has no operation ${operation.name}`);
    return compiled;
  }

  operationCounts(): ReadonlyMap<string, OperationCount> {
    return new Map(this.operations.map(({ operation, ok, refused }) => [operation.name, { ok, refused }]));
  }

  /** By operation: what its steps changed of the suite's counters. Empty for a suite that counts nothing. */
  counted(): ReadonlyMap<string, ReadonlyMap<string, number>> {
    const counting = this.operations.filter(({ counted }) => counted.size > 0);
    return new Map(counting.map(({ operation, counted }) => [operation.name, counted]));
  }

  judged(): ReadonlyMap<string, number> {
    return this.#judge.judged();
  }

  judgedInAll(): number {
    return this.#judge.judgedInAll();
  }

  #boot(): World {
    const { kernel, machine = {}, fault: faultName } = this.#options;
    const world = this.#suite.boot(kernel, machine);
    for (const wanted of faultName?.split(',') ?? []) {
      const planted = this.#suite.faults?.find(({ name }) => name === wanted);
      if (planted === undefined) throw new InputError(`suite ${this.#suite.name} has no fault ${wanted}`);
      planted.plant(world);
    }
    this.#judge.begin(world);
    return world;
  }

  #judgeFreshState(): Violation | undefined {
    const [first] = this.judgeEverything();
    return first && { ...first, step: -1, operation: undefined, changed: [] };
  }

  #forgive(): void {
    this.#knownBug = undefined;
    if (this.#violation?.step !== -1) this.#violation = undefined;
  }

  /** A violation is known when a bug of this kernel explains each sentence of its evidence; else the first unexplained law counts. */
  #breaks(operation: string): Outcome {
    const step = this.#stepCount - 1;
    const { world, happened } = this.#stage;
    const { returned } = happened;
    const [answer, changed] = [
      returned instanceof Refusal ? returned.answer : undefined,
      this.#stage.kindsChanged(this.#suite),
    ];
    let knownBug: string | undefined;
    const bugs = (this.#suite.kernelBugs ?? []).filter(({ kernels }) => kernels.includes(this.#options.kernel));
    for (const { law, evidence } of this.#broken) {
      const candidates = bugs.filter(({ laws }) => laws.includes(law));
      const explain = (sentence: string) => candidates.find((bug) => bug.recognises(world, happened, sentence));
      const explained = evidence.map(explain);
      const what = { law, step, operation, changed, evidence: abridged(evidence) };
      this.#violation = answer === undefined ? what : { ...what, answer };
      if (explained.includes(undefined)) return 'violates';
      knownBug ??= explained[0]?.name;
    }
    this.#knownBug = knownBug;
    return 'known';
  }
}

function addChanges(
  sums: Map<string, number>,
  before: Readonly<Record<string, number>>,
  after: Readonly<Record<string, number>>,
): void {
  for (const [name, value] of Object.entries(after)) sums.set(name, (sums.get(name) ?? 0) + value - before[name]!);
}

function asModelBug(error: unknown, where: string): ModelBug {
  const message = error instanceof Error ? error.message : String(error);
  return new ModelBug(`${message}\n  ${where}`, { cause: error });
}

/** Eight sentences convince anybody; a law over ten thousand pages may have ten thousand. */
function abridged(evidence: readonly string[]): readonly string[] {
  return evidence.length <= 8 ? evidence : [...evidence.slice(0, 8), `and ${evidence.length - 8} more`];
}

/** A boot writes about as much outside of the journal as into it, and does more than writing. */
const BOOTING_IS_CHEAPER = 16;

/** In place of the number of a result. */
export const NO_RESULT = -1;
