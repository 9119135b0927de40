import { Refusal } from '../../language/operation.ts';
import type { JournaledWorld } from '../../language/suite.ts';
import { abstractState, abstractStateText } from '../abstract-state.ts';
import type { CompiledOperation, Values } from '../compiled-operation.ts';
import { type Outcome, Session } from '../session.ts';

/**
 * A session that notes what its steps covered: each operation with the abstract state it met and its outcome, which is `ok`
 * or what the kernel answered.
 */
export class CoveringSession<World extends JournaledWorld = JournaledWorld> extends Session<World> {
  readonly #seen = new Set<string>();
  #fresh: string[] = [];

  override carryOut(compiled: CompiledOperation, taken: Values, made: readonly number[], ended: number): Outcome {
    const state = abstractStateText(compiled, abstractState(compiled, this.pool));
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
}
