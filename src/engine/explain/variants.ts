import { ModelBug } from '../../base/assert.ts';
import { Random } from '../../base/seed.ts';
import type { Draft } from '../../language/argument.ts';
import type { JournaledWorld } from '../../language/suite.ts';
import type { Step } from '../../language/trace.ts';
import type { Session } from '../session.ts';
import { stepText } from '../step-text.ts';

/** What performing a variant showed: the failure that is being explained, another one, or none. */
export interface VariantOutcome {
  readonly shows: 'failure' | 'another' | 'nothing';
  /** Steps that made no sense in it. */
  readonly leftOut: readonly Step[];
}

/** Performs variants of a failing trace, each from the fresh state, and says whether the failure persists. */
export class Variants<World extends JournaledWorld> {
  /** Up to the failing step; what made no sense is left out. */
  readonly steps: readonly Step[];
  readonly #session: Session<World>;
  readonly #law: string;
  readonly #knownBug: string | undefined;
  readonly #outcomes = new Map<string, VariantOutcome>();

  private constructor(session: Session<World>, steps: readonly Step[]) {
    this.#session = session;
    this.steps = steps;
    this.#law = session.violation!.law;
    this.#knownBug = session.knownBug;
  }

  /** Undefined when the steps break no law, when the fresh state does, and when more than `longest` are performed until then. */
  static of<World extends JournaledWorld>(
    session: Session<World>,
    steps: readonly Step[],
    longest: number,
  ): Variants<World> | undefined {
    session.reset();
    if (session.violation !== undefined) return undefined;
    const performed: Step[] = [];
    for (const step of steps) {
      if (session.perform(step) !== 'not-ready') performed.push(step);
      if (performed.length > longest) return undefined;
      if (session.violation !== undefined) return new Variants(session, performed);
    }
    return undefined;
  }

  get executions(): number {
    return this.#outcomes.size;
  }

  /** For the telling values of arguments, drawn on the fresh world. */
  get draft(): Draft {
    const { world, pool } = this.#session;
    return { random: new Random('explain'), world, pool, boundaryLean: 1, sizeLean: 0 };
  }

  /** The failing step, changed or not, is the last one. */
  perform(variant: readonly Step[]): VariantOutcome {
    const key = variant.map(stepText).join('\n');
    let outcome = this.#outcomes.get(key);
    if (outcome === undefined) {
      outcome = this.#performAnew(variant);
      this.#outcomes.set(key, outcome);
    }
    return outcome;
  }

  #performAnew(variant: readonly Step[]): VariantOutcome {
    const session = this.#session;
    const leftOut: Step[] = [];
    try {
      session.reset();
      for (const [index, step] of variant.entries()) {
        if (session.perform(step) === 'not-ready') leftOut.push(step);
        if (session.violation === undefined) continue;
        const isSame = session.violation.law === this.#law && session.knownBug === this.#knownBug;
        return { shows: isSame && index === variant.length - 1 ? 'failure' : 'another', leftOut };
      }
    } catch (error) {
      // A value that no generator draws may lead where the model has nothing to say.
      if (!(error instanceof ModelBug)) throw error;
      return { shows: 'another', leftOut };
    }
    return { shows: 'nothing', leftOut };
  }
}
