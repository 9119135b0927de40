import { assert } from '../base/assert.ts';
import { Random } from '../base/seed.ts';
import type { Draft } from '../language/argument.ts';
import type { JournaledWorld } from '../language/suite.ts';
import type { Step } from '../language/trace.ts';
import type { CompiledOperation } from './compiled-operation.ts';
import type { Lean } from './mixture.ts';
import { NO_RESULT, type Outcome, type Session } from './session.ts';
import type { StepColumns } from './step-columns.ts';
import type { WeightedChoice } from './weighted-choice.ts';

/** The stream of random numbers of one numbered run: the same whatever ran before it, and in whichever lane it runs. */
export function randomOfRun(run: { seed: string; suite: string; kernel: string; number: number }): Random {
  return new Random(`${run.seed}/${run.suite}/${run.kernel}/${run.number}`);
}

/**
 * Generates one trace by performing it: each step is drawn against the world as it stands, so no step is wasted on a false
 * precondition. Works in portions, so that a caller can breathe between them.
 */
export class Walk<World extends JournaledWorld> {
  readonly #session: Session<World>;
  readonly #lean: Lean;
  #choice: WeightedChoice;
  readonly #draft: Draft;
  /** What was performed: lent by the session, and good until its next walk. */
  readonly #columns: StepColumns;
  readonly #trace: number;
  /** The number of the one result that most steps make, if any: setting an array's length would cost more than the rest. */
  readonly #single: [number] = [0];
  #resultCount = 0;
  #outcome: Outcome = 'ok';

  /** Begins at the fresh state, which the session is reset to. */
  constructor(session: Session<World>, random: Random, longest: number) {
    session.reset();
    this.#session = session;
    this.#columns = session.columns;
    this.#columns.begin();
    this.#trace = this.#columns.traces;
    this.#lean = session.mixture.draw(random, longest);
    const { choice, boundaryLean, sizeLean } = this.#lean;
    this.#choice = choice;
    if (this.#lean.isCurious) session.novelty.begin();
    this.#draft = { random, world: session.world, pool: session.pool, boundaryLean, sizeLean };
  }

  /** How many steps were performed. */
  get length(): number {
    return this.#columns.length;
  }

  /** The steps performed; results are numbered in the order in which steps name them. Asked before the session's next walk. */
  get steps(): readonly Step[] {
    assert(this.#trace === this.#columns.traces, 'a walk is asked for its steps before the next one begins');
    return this.#columns.steps();
  }

  /** How the last step ended. */
  get outcome(): Outcome {
    return this.#outcome;
  }

  /** Performs up to `count` more steps. True when the trace has come to its end. */
  advance(count: number): boolean {
    const end = Math.min(this.#lean.length, this.length + count);
    while (this.length < end) {
      if (!this.#step()) return true;
      if (this.#outcome === 'violates' || this.#outcome === 'known') return true;
    }
    return this.length >= this.#lean.length;
  }

  /** Takes the last step back, as if another had been drawn; false when the journal has forgotten what stood before it. */
  takeBack(): boolean {
    const { kinds } = this.#columns.dropLast();
    this.#resultCount -= kinds.length;
    this.#outcome = 'ok';
    return this.#session.takeBack();
  }

  /** Draws until a step makes sense; false when nothing seems to. */
  #step(): boolean {
    for (let attempt = 0; attempt < RANDOM_ATTEMPTS; attempt++) if (this.#try(this.#drawOperation())) return true;
    // The operations that this run favours have led into a corner: from here on all are drawn as they are declared.
    this.#choice = this.#session.mixture.declared;
    for (let attempt = 0; attempt < RANDOM_ATTEMPTS; attempt++) if (this.#try(this.#drawOperation())) return true;
    // Perhaps only a rare one is possible now: ask each, beginning anywhere.
    const { operations } = this.#session;
    const start = this.#draft.random.below(operations.length);
    for (let offset = 0; offset < operations.length; offset++) {
      const compiled = operations[(start + offset) % operations.length]!;
      for (let attempt = 0; attempt < ATTEMPTS_EACH; attempt++) if (this.#try(compiled)) return true;
    }
    return false;
  }

  #try(compiled: CompiledOperation): boolean {
    const session = this.#session;
    const columns = this.#columns;
    const { length } = columns;
    try {
      const taken = compiled.attempt(this.#draft, columns, compiled.index);
      if (taken === undefined) return false;
      const { endsBack, kinds } = compiled;
      const ended = endsBack === 0 ? NO_RESULT : columns.lastNumber(endsBack);
      if (this.#lean.isCurious) session.novelty.note(compiled, session.pool);
      this.#outcome = session.carryOut(compiled, taken, this.#numberResults(kinds.length), ended);
      return true;
    } catch (error) {
      const step = this.length > length ? this.steps.at(-1)! : { operation: compiled.operation, args: {}, made: [] };
      throw session.modelBug(error, step);
    }
  }

  #drawOperation(): CompiledOperation {
    const { operations, novelty, pool } = this.#session;
    const drawn = operations[this.#choice.draw(this.#draft.random)]!;
    if (!this.#lean.isCurious) return drawn;
    return novelty.newer(drawn, operations[this.#choice.draw(this.#draft.random)]!, pool);
  }

  #numberResults(count: number): readonly number[] {
    if (count === 0) return NO_RESULTS;
    if (count > 1) return Array.from({ length: count }, () => this.#resultCount++);
    this.#single[0] = this.#resultCount++;
    return this.#single;
  }
}

/** Where one operation of twenty is possible, it is found so in seven cases of ten; a second round finds most of the rest. */
const RANDOM_ATTEMPTS = 24;
const ATTEMPTS_EACH = 8;
const NO_RESULTS: readonly number[] = [];
