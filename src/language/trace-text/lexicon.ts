import type { Argument, MadeArgument } from '../argument.ts';
import { type AnyOperation, kindsMade } from '../operation.ts';
import type { AnySuite } from '../suite.ts';

/** An operation as the reader and the printer of its steps need it. */
export interface Signature {
  readonly operation: AnyOperation;
  readonly kinds: readonly string[];
  readonly takes: readonly Parameter[];
  readonly byName: ReadonlyMap<string, Parameter>;
}

/** One thing an operation takes. */
export interface Parameter {
  readonly name: string;
  /** Its place in the declared order. */
  readonly index: number;
  readonly argument: Argument<unknown>;
  /** The kind of result it names; undefined when it is a value. */
  readonly makes: string | undefined;
  readonly hasDefault: boolean;
}

/** The names that traces of some suites may use. */
export interface Lexicon {
  readonly suites: ReadonlyMap<string, AnySuite>;
  /** By name and by alias. Suites of different worlds may use one name for operations of their own. */
  readonly operations: ReadonlyMap<string, readonly Signature[]>;
  readonly kernels: ReadonlySet<string>;
  readonly laws: ReadonlySet<string>;
  readonly faults: ReadonlySet<string>;
  readonly kernelBugs: ReadonlySet<string>;
}

const lexicons = new WeakMap<object, Lexicon>();
const signatures = new WeakMap<AnyOperation, Signature>();

/** The names of these suites; made once for each list of suites. */
export function lexiconOf(suites: readonly AnySuite[]): Lexicon {
  return remembered(lexicons, suites, () => {
    const operations = new Map<string, Signature[]>();
    for (const operation of new Set(suites.flatMap((suite) => suite.operations))) {
      for (const name of [operation.name, ...(operation.aliases ?? [])]) {
        operations.set(name, [...(operations.get(name) ?? []), signatureOf(operation)]);
      }
    }
    return {
      suites: new Map(suites.map((suite) => [suite.name, suite])),
      operations,
      kernels: new Set(suites.flatMap((suite) => suite.kernels)),
      laws: new Set(suites.flatMap((suite) => suite.invariants.map(({ name }) => name))),
      faults: new Set(suites.flatMap((suite) => (suite.faults ?? []).map(({ name }) => name))),
      kernelBugs: new Set(suites.flatMap((suite) => (suite.kernelBugs ?? []).map(({ name }) => name))),
    };
  });
}

const narrowed = new WeakMap<object, Lexicon>();

/** The names of one suite alone. */
export function lexiconOfSuite(suite: AnySuite): Lexicon {
  return remembered(narrowed, suite, () => lexiconOf([suite]));
}

/** What an operation takes and makes, in declared order. */
export function signatureOf(operation: AnyOperation): Signature {
  return remembered(signatures, operation, () => {
    const takes = Object.entries<Argument<unknown>>(operation.takes).map(([name, argument], index) => ({
      name,
      index,
      argument,
      makes: argument.kind === 'made' ? (argument as MadeArgument<unknown>).makes : undefined,
      hasDefault: argument.default !== undefined,
    }));
    return {
      operation,
      kinds: kindsMade(operation),
      takes,
      byName: new Map(takes.map((entry) => [entry.name, entry])),
    };
  });
}

function remembered<Key extends object, Value>(memory: WeakMap<Key, Value>, key: Key, make: () => Value): Value {
  let value = memory.get(key);
  if (value === undefined) {
    value = make();
    memory.set(key, value);
  }
  return value;
}
