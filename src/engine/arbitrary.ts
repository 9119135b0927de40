import fc from 'fast-check';
import { Random } from '../base/seed.ts';
import type { JournaledWorld, MachineSettings, Suite } from '../language/suite.ts';
import type { Step, Trace, TraceHeader } from '../language/trace.ts';
import { printTrace } from '../language/trace-text/print.ts';
import { closed, renumbered } from './dependencies.ts';
import { Walk } from './generate.ts';
import { isSimpler } from './order.ts';
import { Session } from './session.ts';
import {
  keepRecentResults,
  type Pass,
  proposals,
  removeHints,
  removePairs,
  removeResults,
  removeSteps,
  sliceToFailure,
  truncate,
} from './shrink-passes.ts';
import { exchangeResults, retargetResults } from './shrink-results.ts';
import { mergeSteps, removeStepAndSimplify, simplifyValues, tryEverySimplerValue } from './shrink-values.ts';

export interface TraceOptions {
  /** The suite's first kernel when not given. */
  readonly kernel?: string;
  readonly machine?: MachineSettings;
  /** The longest trace; what the suite states when not given. */
  readonly steps?: number;
  readonly fault?: string;
}

/**
 * The seam to fast-check: traces of a suite as values of an arbitrary. Traces are generated against the evolving world and
 * made simpler by the shrinker's passes, so that fast-check's seed and path reproduce a failure. A trace that breaks a law
 * ends with the step that broke it. Any trace can be shrunk, also one that was read from a file.
 */
export function traceArbitrary<World extends JournaledWorld>(
  suite: Suite<World>,
  options: TraceOptions = {},
): fc.Arbitrary<Trace> {
  return new TraceArbitrary(suite, options);
}

class TraceArbitrary<World extends JournaledWorld> extends fc.Arbitrary<Trace> {
  readonly #suite: Suite<World>;
  readonly #longest: number;
  readonly #header: TraceHeader;
  readonly #session: Session<World>;

  constructor(suite: Suite<World>, options: TraceOptions) {
    super();
    const { kernel = suite.kernels[0]!, machine = {}, fault, steps = suite.steps } = options;
    this.#suite = suite;
    this.#longest = steps;
    this.#header = {
      kernel,
      suite: suite.name,
      ...(Object.keys(machine).length > 0 && { machine }),
      ...(fault !== undefined && { fault }),
    };
    this.#session = new Session(suite, { kernel, machine, fault });
  }

  /** fast-check's own bias is left aside: each trace draws how it leans. */
  override generate(mrng: fc.Random): fc.Value<Trace> {
    const seed = `${mrng.nextInt()}/${mrng.nextInt()}`;
    const walk = new Walk(this.#session, new Random(seed), this.#longest);
    while (!walk.advance(Number.POSITIVE_INFINITY));
    return new fc.Value(this.#readable(walk.steps), undefined);
  }

  override canShrinkWithoutContext(value: unknown): value is Trace {
    const { steps } = value as Partial<Trace>;
    return Array.isArray(steps) && steps.every(({ operation }) => this.#suite.operations.includes(operation));
  }

  override shrink(trace: Trace): fc.Stream<fc.Value<Trace>> {
    return fc.stream(this.#simpler(trace.steps)).map((steps) => new fc.Value(this.#readable(steps), undefined));
  }

  /** The passes' candidates as they perform on the model, each once, if they are simpler. */
  *#simpler(steps: readonly Step[]): IterableIterator<readonly Step[]> {
    const seen = new Set<string>();
    for (const pass of PASSES) {
      for (const candidate of proposals(pass, { steps })) {
        const performed = renumbered(this.#performed(closed(candidate)));
        if (!isSimpler(performed, steps)) continue;
        const text = printTrace({ header: {}, steps: performed });
        if (seen.has(text)) continue;
        seen.add(text);
        yield performed;
      }
    }
  }

  /** The steps that make sense on the model, up to the first that breaks a law. */
  #performed(steps: readonly Step[]): readonly Step[] {
    this.#session.reset();
    const performed: Step[] = [];
    for (const step of steps) {
      if (this.#session.violation !== undefined) break;
      if (this.#session.perform(step) !== 'not-ready') performed.push(step);
    }
    return performed;
  }

  /** fast-check prints a counterexample as trace text. */
  #readable(steps: readonly Step[]): Trace {
    const trace: Trace = { header: this.#header, steps };
    return Object.defineProperty(trace, fc.toStringMethod, { value: () => `\n${printTrace(trace)}` });
  }
}

const PASSES: readonly Pass[] = [
  sliceToFailure,
  keepRecentResults,
  truncate,
  removeHints,
  removeResults,
  removeSteps,
  simplifyValues,
  removePairs,
  retargetResults,
  exchangeResults,
  mergeSteps,
  tryEverySimplerValue,
  removeStepAndSimplify,
];
