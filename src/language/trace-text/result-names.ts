import { kindsMade } from '../operation.ts';
import type { Trace } from '../trace.ts';

/**
 * What results are called in trace text: as the user named them, else by their kind and a count (`prog1`, `prog2`).
 */
export function resultNames(trace: Trace): ReadonlyMap<number, string> {
  const names = new Map<number, string>();
  const taken = new Set(trace.names?.values());
  const counts = new Map<string, number>();
  for (const { operation, made } of trace.steps) {
    const kinds = kindsMade(operation);
    for (const [index, id] of made.entries()) {
      const kind = kinds[index] ?? 'result';
      const ordinal = (counts.get(kind) ?? 0) + 1;
      counts.set(kind, ordinal);
      names.set(id, trace.names?.get(id) ?? freeName(defaultName(kind, ordinal), taken));
    }
  }
  return names;
}

/** The name of the `ordinal`th result of a kind, counted from 1, that nobody named. */
export function defaultName(kind: string, ordinal: number): string {
  return kind + ordinal;
}

/** The name itself, or a longer one where a user's name already is the same. */
function freeName(name: string, taken: Set<string>): string {
  let free = name;
  while (taken.has(free)) free += '_';
  taken.add(free);
  return free;
}
