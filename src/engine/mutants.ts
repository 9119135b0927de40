import { Bitmap } from '../base/bitmap.ts';
import { Journal, JournaledArray, JournaledMap } from '../base/journal.ts';
import { Refusal } from '../language/operation.ts';
import type { AnySuite } from '../language/suite.ts';
import type { Values } from './compiled-operation.ts';
import { randomOfRun, Walk } from './generate.ts';
import { Session } from './session.ts';

/**
 * Mechanical mutants: small mistakes in the methods that a suite's world decides with, made by wrapping the methods. They
 * measure what laws notice beyond the bugs that somebody thought of.
 *
 * A mutant errs only while an operation is applied. Laws and ghosts, which may ask a world for what it holds, see it as it is.
 */
export interface Mutant {
  /** `Vmalloc.allocate: result one more`. */
  readonly name: string;
  readonly owner: string;
  readonly method: string;
  readonly mistake: string;
}

/** The mutants that a suite's world offers, in an order of their own: each method that operations call, each mistake it can make. */
export class MutantNursery {
  readonly mutants: readonly Mutant[];
  readonly #prototypes = new Map<string, object>();

  /** Performs some traces on the kernel to see which methods operations call, with what and for what. */
  constructor(suite: AnySuite, kernel: string) {
    const probe = { inside: false };
    const session = new Session(suite, { kernel, judging: false });
    tellWhenApplied(session, probe);
    const calls = new Map<string, Observed>();
    const restore: (() => void)[] = [];
    const watch = () => {
      for (const prototype of reachablePrototypes(session.world)) {
        const owner = (prototype.constructor as { name: string }).name;
        if (this.#prototypes.has(owner)) continue;
        this.#prototypes.set(owner, prototype);
        for (const method of methodsOf(prototype)) {
          restore.push(observe(prototype, method, probe, calls, `${owner}.${method}`));
        }
      }
    };
    try {
      for (let number = 0; number < PROBES; number++) {
        watch();
        const walk = new Walk(
          session,
          randomOfRun({ seed: 'mutants', suite: suite.name, kernel, number }),
          suite.steps,
        );
        while (!walk.advance(8)) watch();
      }
    } finally {
      for (const undo of restore.reverse()) undo();
    }
    this.mutants = [...calls].sort(([one], [other]) => (one < other ? -1 : 1)).flatMap(([, seen]) => mutantsOf(seen));
  }

  /** Plants the mutant for as long as `act` lasts; it errs in the sessions that `act` prepares. */
  async with<Result>(
    { owner, method, mistake }: Mutant,
    act: (prepare: (session: Session) => void) => Promise<Result>,
  ): Promise<Result> {
    const prototype = this.#prototypes.get(owner)!;
    const right = Object.getOwnPropertyDescriptor(prototype, method)!;
    const original = right.value as Method;
    const wrong = MISTAKES[mistake]!;
    const probe = { inside: false };
    Object.defineProperty(prototype, method, {
      ...right,
      value: function (this: unknown, ...given: unknown[]) {
        if (!probe.inside) return original.apply(this, given);
        return wrong((changed) => original.apply(this, changed), given);
      },
    });
    try {
      return await act((session) => tellWhenApplied(session, probe));
    } finally {
      Object.defineProperty(prototype, method, right);
    }
  }
}

const PROBES = 8;

type Method = (this: unknown, ...given: unknown[]) => unknown;
type Mistake = (call: (given: unknown[]) => unknown, given: unknown[]) => unknown;

/** What each mistake does in place of the call. */
const MISTAKES: Readonly<Record<string, Mistake>> = {
  'result one more': (call, given) => plus(call(given), 1),
  'result one less': (call, given) => plus(call(given), -1),
  'first number one more': (call, given) => call(changedNumber(given, 0, 1)),
  'first number one less': (call, given) => call(changedNumber(given, 0, -1)),
  'second number one more': (call, given) => call(changedNumber(given, 1, 1)),
  'first two numbers swapped': (call, given) => call(swapped(given)),
  'call skipped': () => undefined,
  'answer negated': (call, given) => call(given) !== true,
  'error ignored': (call, given) => {
    const result = call(given);
    return result instanceof Refusal ? undefined : result === false ? true : result;
  },
  'order reversed': (call, given) => [...(call(given) as unknown[])].reverse(),
};

/** What calls of a method looked like. */
interface Observed {
  readonly owner: string;
  readonly method: string;
  readonly results: Set<string>;
  numbers: number;
}

function mutantsOf({ owner, method, results, numbers }: Observed): readonly Mutant[] {
  const mistakes: string[] = [];
  if (results.has('number')) mistakes.push('result one more', 'result one less');
  if (numbers > 0) mistakes.push('first number one more', 'first number one less');
  if (numbers > 1) mistakes.push('second number one more', 'first two numbers swapped');
  if (results.size === 1 && results.has('nothing')) mistakes.push('call skipped');
  if (results.has('boolean')) mistakes.push('answer negated');
  if (results.has('refusal')) mistakes.push('error ignored');
  if (results.has('list')) mistakes.push('order reversed');
  return mistakes.map((mistake) => ({ name: `${owner}.${method}: ${mistake}`, owner, method, mistake }));
}

function observe(
  prototype: object,
  method: string,
  probe: { readonly inside: boolean },
  calls: Map<string, Observed>,
  key: string,
): () => void {
  const right = Object.getOwnPropertyDescriptor(prototype, method)!;
  const original = right.value as Method;
  const owner = (prototype.constructor as { name: string }).name;
  Object.defineProperty(prototype, method, {
    ...right,
    value: function (this: unknown, ...given: unknown[]) {
      const result = original.apply(this, given);
      if (!probe.inside) return result;
      const seen = calls.get(key) ?? { owner, method, results: new Set<string>(), numbers: 0 };
      seen.results.add(kindOf(result));
      seen.numbers = Math.max(seen.numbers, given.filter(isNumber).length);
      calls.set(key, seen);
      return result;
    },
  });
  return () => Object.defineProperty(prototype, method, right);
}

function kindOf(result: unknown): string {
  if (result === undefined || result === null) return 'nothing';
  if (result instanceof Refusal) return 'refusal';
  if (isNumber(result)) return 'number';
  if (Array.isArray(result)) return result.length > 1 ? 'list' : 'other';
  return typeof result === 'boolean' ? 'boolean' : 'other';
}

/** Lets the session's operations say when they are being applied. */
function tellWhenApplied(session: Session, probe: { inside: boolean }): void {
  for (const compiled of session.operations) {
    const { apply } = compiled;
    Object.defineProperty(compiled, 'apply', {
      value: (world: unknown, taken: Values) => {
        probe.inside = true;
        try {
          return apply(world, taken);
        } finally {
          probe.inside = false;
        }
      },
    });
  }
}

/** The classes of everything that a world holds in its fields, lists and maps. */
function reachablePrototypes(world: object): ReadonlySet<object> {
  const found = new Set<object>();
  const seen = new Set<object>();
  const queue: unknown[] = [world];
  while (queue.length > 0 && seen.size < MOST_OBJECTS) {
    const next = queue.pop();
    if (typeof next !== 'object' || next === null || seen.has(next) || ArrayBuffer.isView(next)) continue;
    seen.add(next);
    const prototype = Object.getPrototypeOf(next) as object | null;
    if (prototype !== null && isOfTheModel(prototype)) found.add(prototype);
    if (next instanceof Map) queue.push(...[...next].slice(0, FEW).flat());
    else if (next instanceof Set || Array.isArray(next)) queue.push(...[...next].slice(0, FEW));
    else for (const value of Object.values(next)) queue.push(value);
  }
  return found;
}

/** How much of a world is looked at: classes are few, and large worlds hold many objects of each. */
const MOST_OBJECTS = 4_000;
const FEW = 32;

const OF_THE_HOUSE: readonly unknown[] = [Journal, JournaledArray, JournaledMap, Bitmap];

function isOfTheModel(prototype: object): boolean {
  if (OF_THE_HOUSE.includes(prototype.constructor)) return false;
  return !Function.prototype.toString.call(prototype.constructor).includes('[native code]');
}

function methodsOf(prototype: object): readonly string[] {
  const all = Object.entries(Object.getOwnPropertyDescriptors(prototype));
  // What undoes a change is the journal's affair.
  return all.flatMap(([name, { value }]) =>
    typeof value === 'function' && name !== 'constructor' && name !== 'undo' ? [name] : [],
  );
}

function isNumber(value: unknown): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint';
}

function plus(value: unknown, by: number): unknown {
  if (typeof value === 'bigint') return value + BigInt(by);
  return typeof value === 'number' ? value + by : value;
}

/** The arguments with the nth number among them changed. */
function changedNumber(given: readonly unknown[], nth: number, by: number): unknown[] {
  const places = [...given.keys()].filter((index) => isNumber(given[index]));
  return given.map((value, index) => (index === places[nth] ? plus(value, by) : value));
}

function swapped(given: readonly unknown[]): unknown[] {
  const [first, second] = [...given.keys()].filter((index) => isNumber(given[index]));
  if (first === undefined || second === undefined) return [...given];
  return given.with(first, given[second]).with(second, given[first]);
}
