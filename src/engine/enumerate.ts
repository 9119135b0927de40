import { Random } from '../base/seed.ts';
import type { Argument, Draft } from '../language/argument.ts';
import type { JournaledWorld, Suite } from '../language/suite.ts';
import type { Step } from '../language/trace.ts';
import type { CompiledOperation, Values } from './compiled-operation.ts';
import { Session, type SessionOptions } from './session.ts';
import { StateCount } from './state-count.ts';
import type { Violation } from './verdict.ts';

export interface EnumerationOptions extends SessionOptions {
  /** The longest trace. */
  readonly steps: number;
  /** The most results that a trace may make; no limit when not given. */
  readonly results?: number;
  /** The most values of an argument, of those it names the first; no limit when not given. */
  readonly values?: number;
  /** In how many arguments a step may differ from their first values, results of earlier steps aside; all when not given. */
  readonly deviations?: number;
  /** True ends the enumeration with the first failing trace. */
  readonly first?: boolean;
  /** Asked now and then; true ends the enumeration early. */
  readonly stop?: () => boolean;
}

export interface Enumeration {
  /** Traces performed, those that are the beginning of others included. */
  readonly traces: number;
  /** Distinct states in which they ended, the fresh one included; undefined where the suite does not say what to observe. */
  readonly states: number | undefined;
  /** False when it was stopped. */
  readonly isComplete: boolean;
  /** The first of the shortest traces for each law and operation that break. */
  readonly failures: readonly { readonly steps: readonly Step[]; readonly violation: Violation }[];
  /** Traces that ended in a known bug of the kernel. */
  readonly known: number;
}

/**
 * Performs every trace of up to so many steps, with the few telling values that each argument names, in a walk forward and
 * back: the journal undoes a step before the next one is tried. Results are numbered as they are made, so that traces which
 * differ in names only are met once, and a trace is not made longer behind a step that changed nothing: a call that was refused
 * or only looked.
 */
export function enumerate<World extends JournaledWorld>(suite: Suite<World>, options: EnumerationOptions): Enumeration {
  return new Enumerator(suite, options).run();
}

class Enumerator<World extends JournaledWorld> {
  readonly #session: Session<World>;
  readonly #options: EnumerationOptions;
  readonly #draft: Draft;
  readonly #choices: ReadonlyMap<CompiledOperation, Choices>;
  readonly #states: StateCount<World> | undefined;
  readonly #steps: Step[] = [];
  readonly #failures = new Map<string, { readonly steps: readonly Step[]; readonly violation: Violation }>();
  #resultCount = 0;
  #traces = 0;
  #known = 0;
  #isStopped = false;

  constructor(suite: Suite<World>, options: EnumerationOptions) {
    this.#session = new Session(suite, options);
    this.#options = options;
    const { world, pool, operations } = this.#session;
    this.#draft = { random: new Random('enumeration'), world, pool, boundaryLean: 1, sizeLean: 0 };
    this.#choices = new Map(operations.map((compiled) => [compiled, new Choices(compiled, this.#draft, options)]));
    this.#states = suite.observe && new StateCount((observed: World) => suite.observe!(observed));
  }

  run(): Enumeration {
    this.#session.reset();
    this.#states?.meet(this.#session.world);
    this.#extend();
    return {
      traces: this.#traces,
      states: this.#states?.count,
      isComplete: !this.#isStopped,
      failures: [...this.#failures.values()],
      known: this.#known,
    };
  }

  /** Tries every step after those that are performed. The recursion is as deep as the longest trace. */
  #extend(): void {
    if (this.#steps.length === this.#options.steps) return;
    for (const compiled of this.#session.operations) {
      const made = this.#numberResults(compiled.kinds.length);
      if (made === undefined) continue;
      for (const args of this.#choices.get(compiled)!.now()) {
        if (this.#isStopped) return;
        this.#try(compiled, args, made);
      }
    }
  }

  #try(compiled: CompiledOperation, args: Values, made: readonly number[]): void {
    const session = this.#session;
    const { position, stepCount } = session;
    const outcome = session.performAs(compiled, args, made);
    if (outcome === 'not-ready') return;
    this.#traces++;
    if (this.#traces % ASK_EVERY === 0 && this.#options.stop?.()) this.#isStopped = true;
    this.#steps.push({ operation: compiled.operation, args, made });
    this.#resultCount += made.length;
    this.#states?.meet(session.world);
    if (outcome === 'violates') {
      this.#remember(session.violation!);
      if (this.#options.first) this.#isStopped = true;
    }
    if (outcome === 'known') this.#known++;
    // What follows a step that changed nothing is tried without it, in a shorter trace.
    if ((outcome === 'ok' || outcome === 'refused') && session.position !== position) this.#extend();
    this.#resultCount -= made.length;
    this.#steps.pop();
    session.undoTo(position, stepCount);
  }

  #remember(violation: Violation): void {
    const identity = `${violation.law} at ${violation.operation}`;
    const shortest = this.#failures.get(identity)?.steps.length ?? Number.POSITIVE_INFINITY;
    if (this.#steps.length < shortest) this.#failures.set(identity, { steps: [...this.#steps], violation });
  }

  /** Undefined when the trace may make no more results. */
  #numberResults(count: number): readonly number[] | undefined {
    const { results = Number.POSITIVE_INFINITY } = this.#options;
    if (count > 0 && this.#resultCount + count > results) return undefined;
    return Array.from({ length: count }, (_, at) => this.#resultCount + at);
  }
}

/** A trace takes from a microsecond (the toy) to several milliseconds (a whole machine). */
const ASK_EVERY = 64;

/** Every combination of the few values that the arguments of an operation name. */
class Choices {
  readonly #draft: Draft;
  readonly #names: readonly string[];
  readonly #arguments: readonly Argument<unknown>[];
  readonly #most: number;
  readonly #deviations: number;
  /** The combinations, where nothing depends on the state: a function without parameters says so. */
  readonly #always: readonly Values[] | undefined;

  constructor(
    { operation }: CompiledOperation,
    draft: Draft,
    { values = Infinity, deviations = Infinity }: Pick<EnumerationOptions, 'values' | 'deviations'>,
  ) {
    const takes = operation.takes as Record<string, Argument<unknown>>;
    this.#draft = draft;
    this.#most = values;
    this.#deviations = deviations;
    this.#names = Object.keys(takes);
    this.#arguments = Object.values(takes);
    if (this.#arguments.every(({ few }) => few.length === 0)) this.#always = this.#combine();
  }

  now(): readonly Values[] {
    return this.#always ?? this.#combine();
  }

  #combine(): readonly Values[] {
    let combinations: readonly Combination[] = [{ args: {}, left: this.#deviations }];
    for (const [at, name] of this.#names.entries()) {
      const argument = this.#arguments[at]!;
      const isMade = argument.kind === 'made';
      const all = [...argument.few(this.#draft)];
      const values = isMade ? all : all.slice(0, this.#most);
      if (values.length === 0) return [];
      combinations = combinations.flatMap(({ args, left }) =>
        (isMade || left > 0 ? values : values.slice(0, 1)).map((value, index) => ({
          args: { ...args, [name]: value },
          left: isMade || index === 0 ? left : left - 1,
        })),
      );
    }
    return combinations.map(({ args }) => args);
  }
}

interface Combination {
  readonly args: Values;
  /** How many more arguments may differ from their first values. */
  readonly left: number;
}
