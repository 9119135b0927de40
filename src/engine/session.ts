import { assert, ModelBug } from '../base/assert.ts';
import { InputError } from '../language/input-error.ts';
import type { Ghost, Happened } from '../language/invariant.ts';
import { type AnyOperation, Refusal } from '../language/operation.ts';
import type { JournaledWorld, MachineSettings, Suite } from '../language/suite.ts';
import type { Step } from '../language/trace.ts';
import { StepChanges } from './changes.ts';
import { type CompiledOperation, compile, type Values } from './compiled-operation.ts';
import { type Broken, Judge } from './judge.ts';
import { Mixture } from './mixture.ts';
import { Pool } from './pool.ts';
import { stepText } from './step-text.ts';
import type { OperationCount, Violation } from './verdict.ts';

export interface SessionOptions {
  readonly kernel: string;
  readonly machine?: MachineSettings;
  /** The name of a fault of the suite to plant, or several with commas between them. */
  readonly fault?: string | undefined;
  /** False performs without any law or ghost, to measure what they cost. */
  readonly judging?: boolean;
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
  /** How the runs of the session lean. */
  readonly mixture: Mixture;
  readonly #byOperation: ReadonlyMap<AnyOperation, CompiledOperation>;
  readonly #suite: Suite<World>;
  readonly #options: SessionOptions;
  readonly #ghosts: readonly Ghost<World>[];
  readonly #judge: Judge<World>;
  #booted: Booted<World>;
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
    this.mixture = new Mixture(this.operations);
    this.#byOperation = new Map(this.operations.map((compiled) => [compiled.operation, compiled]));
    const laws = options.judging === false ? [] : suite.invariants;
    this.#judge = new Judge(laws);
    this.#ghosts = [...new Set(laws.flatMap(({ ghosts }) => ghosts ?? []))];
    try {
      this.#booted = this.#boot();
      this.#violation = this.#judgeFreshState();
    } catch (error) {
      throw error instanceof InputError ? error : asModelBug(error, 'while booting');
    }
  }

  get world(): World {
    return this.#booted.world;
  }

  get pool(): Pool {
    return this.#booted.pool;
  }

  /** Steps performed since the fresh state. */
  get stepCount(): number {
    return this.#stepCount;
  }

  /** Where the world's journal stands: see {@link Session.undoTo}. */
  get position(): number {
    return this.#booted.world.journal.position;
  }

  /** The step just performed, as laws saw it; valid until the next one. */
  get happened(): Happened {
    return this.#booted.happened;
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

  /** Brings the fresh state back. A world whose beginning the journal has forgotten is booted anew. */
  reset(): void {
    if (!this.undoTo(this.#booted.freshPosition, 0)) this.#booted = this.#boot();
    this.#stepCount = 0;
    this.#forgive();
  }

  /** Takes steps back until the journal stands where it stood after `stepCount` steps; false when that is forgotten. */
  undoTo(position: number, stepCount: number): boolean {
    if (!this.#booted.world.journal.undoTo(position)) return false;
    this.#stepCount = stepCount;
    this.#forgive();
    return true;
  }

  /** Takes the last step back; false when the journal has forgotten what stood before it. */
  takeBack(): boolean {
    return this.undoTo(this.#booted.changes.from, this.#stepCount - 1);
  }

  /** Performs a step and judges the laws. Throws a ModelBug for anything that is our own mistake. */
  perform({ operation, args, made }: Step): Outcome {
    return this.performAs(this.compiled(operation), args, made);
  }

  /** The same for one of the session's own operations. */
  performAs(compiled: CompiledOperation, args: Values, made: readonly number[]): Outcome {
    const { world, pool } = this.#booted;
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
    const { world, pool, changes, happened } = this.#booted;
    changes.begin(world.journal.position);
    const returned = compiled.apply(world, taken);
    happened.operation = compiled.operation;
    happened.taken = taken;
    happened.returned = returned;
    for (let index = 0; index < this.#ghosts.length; index++) this.#ghosts[index]!.follow(world, happened);
    const broken = this.#judge.afterStep(world, happened);
    this.#broken = broken;
    // Results are bound last, so that laws and ghosts see the world's own changes and nothing else.
    const refused = returned instanceof Refusal;
    if (refused) compiled.refused++;
    else {
      compiled.ok++;
      if (compiled.kinds.length > 0) bindResults(pool, compiled, made, returned);
      if (ended !== NO_RESULT) pool.end(ended);
    }
    const index = this.#stepCount++;
    if (broken.length > 0) return this.#breaks(broken, index, compiled.operation.name);
    return refused ? 'refused' : 'ok';
  }

  /** The mistake of our own that stopped this step. */
  modelBug(error: unknown, step: Step): ModelBug {
    return asModelBug(error, `at step ${this.#stepCount}: ${stepText(step)}`);
  }

  /** Judges the whole state as it stands, whatever the last step changed. */
  judgeEverything(): readonly Broken[] {
    return this.#judge.wholeState(this.#booted.world);
  }

  compiled(operation: AnyOperation): CompiledOperation {
    const compiled = this.#byOperation.get(operation);
    if (compiled === undefined) throw new InputError(`suite ${this.#suite.name} has no operation ${operation.name}`);
    return compiled;
  }

  operationCounts(): ReadonlyMap<string, OperationCount> {
    return new Map(this.operations.map(({ operation, ok, refused }) => [operation.name, { ok, refused }]));
  }

  judged(): ReadonlyMap<string, number> {
    return this.#judge.judged();
  }

  judgedInAll(): number {
    return this.#judge.judgedInAll();
  }

  #boot(): Booted<World> {
    const { kernel, machine = {}, fault: faultName } = this.#options;
    const world = this.#suite.boot(kernel, machine);
    for (const wanted of faultName?.split(',') ?? []) {
      const planted = this.#suite.faults?.find(({ name }) => name === wanted);
      if (planted === undefined) throw new InputError(`suite ${this.#suite.name} has no fault ${wanted}`);
      planted.plant(world);
    }
    for (const ghost of this.#ghosts) ghost.begin(world);
    const changes = new StepChanges(world.journal);
    const happened = { operation: this.#suite.operations[0]!, taken: {}, returned: undefined, changes };
    return { world, pool: new Pool(world.journal), changes, happened, freshPosition: world.journal.position };
  }

  #judgeFreshState(): Violation | undefined {
    const [first] = this.judgeEverything();
    return first && { ...first, step: -1, operation: undefined };
  }

  #forgive(): void {
    this.#knownBug = undefined;
    if (this.#violation?.step !== -1) this.#violation = undefined;
  }

  /** A violation is known when a bug of this kernel explains each sentence of its evidence; else the first unexplained law counts. */
  #breaks(broken: readonly Broken[], step: number, operation: string): Outcome {
    const { world, happened } = this.#booted;
    let knownBug: string | undefined;
    const bugs = (this.#suite.kernelBugs ?? []).filter(({ kernels }) => kernels.includes(this.#options.kernel));
    for (const { law, evidence } of broken) {
      const candidates = bugs.filter(({ laws }) => laws.includes(law));
      const explain = (sentence: string) => candidates.find((bug) => bug.recognises(world, happened, sentence));
      const explained = evidence.map(explain);
      this.#violation = { law, step, operation, evidence: abridged(evidence) };
      if (explained.includes(undefined)) return 'violates';
      knownBug ??= explained[0]?.name;
    }
    this.#knownBug = knownBug;
    return 'known';
  }
}

function bindResults(pool: Pool, { kinds }: CompiledOperation, made: readonly number[], returned: unknown): void {
  assert(made.length === kinds.length, 'a step names as many results as its operation makes');
  if (kinds.length === 1) {
    pool.bind(made[0]!, kinds[0]!, returned);
    return;
  }
  const objects = returned as readonly unknown[];
  assert(Array.isArray(objects) && objects.length === kinds.length, 'an operation returns each of its results');
  for (let index = 0; index < kinds.length; index++) pool.bind(made[index]!, kinds[index]!, objects[index]);
}

function asModelBug(error: unknown, where: string): ModelBug {
  const message = error instanceof Error ? error.message : String(error);
  return new ModelBug(`${message}\n  ${where}`, { cause: error });
}

/** Eight sentences convince anybody; a law over ten thousand pages may have ten thousand. */
function abridged(evidence: readonly string[]): readonly string[] {
  return evidence.length <= 8 ? evidence : [...evidence.slice(0, 8), `and ${evidence.length - 8} more`];
}

/** In place of the number of a result. */
export const NO_RESULT = -1;

interface Booted<World> {
  readonly world: World;
  readonly pool: Pool;
  readonly changes: StepChanges;
  readonly happened: { -readonly [Key in keyof Happened]: Happened[Key] };
  readonly freshPosition: number;
}
