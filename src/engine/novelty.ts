import { abstractState, abstractStates } from './abstract-state.ts';
import type { CompiledOperation } from './compiled-operation.ts';
import type { Pool } from './pool.ts';

/**
 * How often each operation has met each abstract state in the run under way. A run that leans to what is new asks it. Only
 * the run itself counts, not those before it: so a numbered run stays the same wherever and after whatever it is performed.
 */
export class Novelty {
  readonly #counts: readonly Uint32Array[];

  constructor(operations: readonly CompiledOperation[]) {
    this.#counts = operations.map((compiled) => new Uint32Array(abstractStates(compiled)));
  }

  begin(): void {
    for (const counts of this.#counts) counts.fill(0);
  }

  /** Notes an operation that is about to be performed. */
  note(compiled: CompiledOperation, pool: Pool): void {
    this.#counts[compiled.index]![abstractState(compiled, pool)]!++;
  }

  /** Of two operations the one that has met the present state less often. */
  newer(one: CompiledOperation, other: CompiledOperation, pool: Pool): CompiledOperation {
    return this.#timesMet(other, pool) < this.#timesMet(one, pool) ? other : one;
  }

  #timesMet(compiled: CompiledOperation, pool: Pool): number {
    return this.#counts[compiled.index]![abstractState(compiled, pool)]!;
  }
}
