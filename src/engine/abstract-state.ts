import type { CompiledOperation } from './compiled-operation.ts';
import type { Pool } from './pool.ts';

/**
 * What the engine can tell of any world before a step: how many results of each kind that the operation deals with live, as
 * none, one or several. A number below {@link abstractStates} of the operation.
 */
export function abstractState({ dealsWith }: CompiledOperation, pool: Pool): number {
  let state = 0;
  for (let index = 0; index < dealsWith.length; index++) {
    const count = pool.live(dealsWith[index]!).length;
    state = state * 3 + Math.min(count, 2);
  }
  return state;
}

/** How many abstract states an operation can meet. */
export function abstractStates({ dealsWith }: CompiledOperation): number {
  return 3 ** dealsWith.length;
}

/** The state as people read it, a character a kind: `0`, `1`, or `+` for several. */
export function abstractStateText({ dealsWith }: CompiledOperation, state: number): string {
  if (dealsWith.length === 0) return '-';
  const digits = state.toString(3).padStart(dealsWith.length, '0');
  return digits.replaceAll('2', '+');
}
