import { ModelBug } from '../base/assert.ts';
import type { JournaledWorld } from '../language/suite.ts';
import type { Step } from '../language/trace.ts';
import { closed } from './dependencies.ts';
import { type Identity, identityOf, showsSame } from './identity.ts';
import { isSimpler } from './order.ts';
import type { Session } from './session.ts';
import { stepText } from './step-text.ts';
import type { Violation } from './verdict.ts';

/**
 * Tries candidates against the best failing trace so far. All passes of the shrinker come through here, so that the failure's
 * identity, the order of traces, the cache and the counts are each kept in one place.
 *
 * The session always stands somewhere in the best trace. A candidate shares its first steps with it: only what follows is
 * performed, after undoing to there. Steps that are not ready in a candidate are left out; what was performed is the candidate.
 */
export class Attempts<World extends JournaledWorld> {
  readonly #session: Session<World>;
  readonly #identity: Identity;
  readonly #tried = new Set<string>();
  readonly borders = new Set<string>();
  /** The journal's position before each step of the best trace, as far as the session has performed it. */
  readonly #positions: number[] = [];
  #best: readonly Step[];
  #violation: Violation;
  /** How many steps of the best trace the session has performed. */
  #standing: number;
  #executions = 0;
  #rejected = 0;
  #modelBug: ModelBug | undefined;

  /** `steps` have just been performed on the session from its fresh state and ended in the violation it holds. */
  constructor(session: Session<World>, steps: readonly Step[], positions: number[]) {
    this.#session = session;
    this.#best = steps;
    this.#violation = session.violation!;
    this.#identity = identityOf(session)!;
    this.#positions = positions;
    this.#standing = steps.length;
    this.#wasTried(steps);
  }

  get steps(): readonly Step[] {
    return this.#best;
  }

  get violation(): Violation {
    return this.#violation;
  }

  /** Candidates performed so far. */
  get executions(): number {
    return this.#executions;
  }

  /** Candidates in which the failing step made no sense any more. */
  get rejected(): number {
    return this.#rejected;
  }

  /** A mistake of our own that some candidate ran into; the candidate counts as one that does not fail. */
  get modelBug(): ModelBug | undefined {
    return this.#modelBug;
  }

  /** True when the candidate is simpler and fails in the same way: it is the best trace now. */
  consider(candidate: readonly Step[]): boolean {
    const steps = closed(candidate);
    if (steps.length === 0 || steps.at(-1) !== candidate.at(-1)) {
      this.#rejected++;
      return false;
    }
    if (this.#wasTried(steps)) return false;
    const shared = sharedLength(steps, this.#best);
    this.#standAt(shared);
    const performed = steps.slice(0, shared);
    const positions: number[] = [];
    const fails = this.#perform(steps, shared, performed, positions);
    if (fails && isSimpler(performed, this.#best)) {
      this.#best = performed;
      this.#violation = this.#session.violation!;
      this.#positions.length = shared;
      for (const position of positions) this.#positions.push(position);
      this.#standing = performed.length;
      return true;
    }
    const start = positions[0];
    if (start !== undefined && !this.#session.undoTo(start, shared)) this.#restart();
    return false;
  }

  /** Performs the candidate's steps from `start`; true when they fail as the best trace does. */
  #perform(steps: readonly Step[], start: number, performed: Step[], positions: number[]): boolean {
    this.#executions++;
    try {
      for (let index = start; index < steps.length; index++) {
        const step = steps[index]!;
        const { position } = this.#session;
        const outcome = this.#session.perform(step);
        if (outcome === 'not-ready') continue;
        performed.push(step);
        positions.push(position);
        if (outcome === 'violates' || outcome === 'known') return showsSame(identityOf(this.#session), this.#identity);
      }
    } catch (error) {
      if (!(error instanceof ModelBug)) throw error;
      this.#modelBug ??= error;
      this.#restart();
      positions.length = 0;
      return false;
    }
    if (performed.at(-1) !== steps.at(-1)) {
      this.#executions--;
      this.#rejected++;
    }
    return false;
  }

  /** Brings the session to where `count` steps of the best trace are performed. */
  #standAt(count: number): void {
    if (count <= this.#standing) {
      if (count < this.#standing && !this.#session.undoTo(this.#positions[count]!, count)) this.#restart();
      else this.#standing = count;
    }
    for (; this.#standing < count; this.#standing++) {
      this.#positions[this.#standing] = this.#session.position;
      this.#session.perform(this.#best[this.#standing]!);
    }
  }

  /** The journal has forgotten the beginning, or a step stopped half way: from the fresh state again. */
  #restart(): void {
    this.#session.reset();
    this.#standing = 0;
  }

  /** Long candidates are not remembered: their text would cost more than performing them. */
  #wasTried(steps: readonly Step[]): boolean {
    if (steps.length > 512) return false;
    const text = steps.map(stepText).join('\n');
    if (this.#tried.has(text)) return true;
    this.#tried.add(text);
    return false;
  }
}

function sharedLength(candidate: readonly Step[], best: readonly Step[]): number {
  let index = 0;
  while (index < candidate.length && index < best.length && candidate[index] === best[index]) index++;
  return index;
}
