import type { Changes } from '../language/invariant.ts';
import { showText } from '../language/show-text.ts';

/** The changed objects of the world by kind; bookkeeping that has no class of its own is left out. */
export function countChanges(changes: Changes): Readonly<Record<string, number>> {
  const owners = new Set<object>();
  changes.each((owner) => owners.add(owner));
  const counts: Record<string, number> = {};
  for (const owner of owners) {
    const kind = kindOf(owner);
    if (kind !== undefined) counts[kind] = (counts[kind] ?? 0) + 1;
  }
  return counts;
}

/** The plain values that a step changed, before and after, equal ones together; not more than anybody reads. */
export function changedValues(changes: Changes): readonly string[] {
  const counts = new Map<string, number>();
  for (const [owner, values] of valuesBefore(changes)) {
    for (const [key, old] of values) {
      const now = (owner as Readonly<Record<string, unknown>>)[key];
      if (!isPlain(now) || now === old) continue;
      const line = `${kindOf(owner)}.${key} from ${showText(old)} to ${showText(now)}`;
      counts.set(line, (counts.get(line) ?? 0) + 1);
    }
  }
  const lines = [...counts].map(([line, count]) => (count === 1 ? line : `${line} (${count} times)`));
  return lines.length <= MOST_VALUES
    ? lines
    : [...lines.slice(0, MOST_VALUES), `and ${lines.length - MOST_VALUES} more`];
}

const MOST_VALUES = 8;

/** What stood in the plain properties of named objects before the step, for those that it wrote to. */
function valuesBefore(changes: Changes): ReadonlyMap<object, ReadonlyMap<string, Plain>> {
  const before = new Map<object, Map<string, Plain>>();
  changes.each((owner, key, old) => {
    if (kindOf(owner) === undefined || typeof key !== 'string' || !isPlain(old)) return;
    const values = before.get(owner) ?? new Map<string, Plain>();
    if (!values.has(key)) values.set(key, old);
    before.set(owner, values);
  });
  return before;
}

type Plain = number | bigint | boolean | string;

function isPlain(value: unknown): value is Plain {
  return ['number', 'bigint', 'boolean', 'string'].includes(typeof value);
}

/** The name of the owner's class; undefined for plain objects, containers and byte arrays. */
function kindOf(owner: object): string | undefined {
  const kind = owner.constructor.name;
  return NAMELESS.has(kind) || ArrayBuffer.isView(owner) ? undefined : kind;
}

const NAMELESS = new Set(['Object', 'Array', 'Map', 'Set', 'JournaledMap', 'JournaledArray', 'Pool', '']);
