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
function defaultName(kind: string, ordinal: number): string {
  return kind + ordinal;
}

/** Whether that is this name. Asked for every result of a trace, so it builds no string. */
export function isDefaultName(name: string, kind: string, ordinal: number): boolean {
  let rest = ordinal;
  let at = name.length - 1;
  for (; rest > 0 && at >= kind.length; at--) {
    if (name.charCodeAt(at) !== ZERO + (rest % 10)) return false;
    rest = Math.floor(rest / 10);
  }
  return rest === 0 && at === kind.length - 1 && name.startsWith(kind);
}

const ZERO = 48;

/** The name itself, or a longer one where a user's name already is the same. */
function freeName(name: string, taken: Set<string>): string {
  let free = name;
  while (taken.has(free)) free += '_';
  taken.add(free);
  return free;
}
