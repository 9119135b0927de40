import { Refusal } from '../../language/operation.ts';
import type { JournaledWorld } from '../../language/suite.ts';
import type { CompiledOperation, Values } from '../compiled-operation.ts';
import { type Outcome, Session } from '../session.ts';

/**
 * A session that notes what its steps covered: each operation with the abstract state it met and its outcome.
 *
 * The abstract state is what the engine can tell of any world: how many results of each kind that the operation deals with
 * live (none, one, several). The outcome is `ok` or what the kernel answered.
 */
export class CoveringSession<World extends JournaledWorld = JournaledWorld> extends Session<World> {
  readonly #seen = new Set<string>();
  readonly #kinds = new Map<CompiledOperation, readonly string[]>();
  #fresh: string[] = [];

  override carryOut(compiled: CompiledOperation, taken: Values, made: readonly number[], ended: number): Outcome {
    const state = this.#stateFor(compiled);
    const outcome = super.carryOut(compiled, taken, made, ended);
    const { returned } = this.happened;
    const answer = returned instanceof Refusal ? returned.answer : 'ok';
    const point = `${compiled.operation.name} ${state} ${answer}`;
    if (!this.#seen.has(point)) {
      this.#seen.add(point);
      this.#fresh.push(point);
    }
    return outcome;
  }

  /** What was covered for the first time since this was asked last. */
  takeFresh(): readonly string[] {
    const fresh = this.#fresh;
    this.#fresh = [];
    return fresh;
  }

  #stateFor(compiled: CompiledOperation): string {
    let kinds = this.#kinds.get(compiled);
    if (kinds === undefined) {
      kinds = [...new Set([...compiled.uses.map(({ argument }) => argument.makes), ...compiled.kinds])];
      this.#kinds.set(compiled, kinds);
    }
    let state = '';
    for (const kind of kinds) state += FEW[Math.min(2, this.pool.live(kind).length)];
    return state === '' ? '-' : state;
  }
}

const FEW = ['0', '1', '+'] as const;
