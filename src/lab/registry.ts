import type { Fault } from '../language/fault.ts';
import { InputError } from '../language/input-error.ts';
import type { Invariant } from '../language/invariant.ts';
import type { KernelBug } from '../language/kernel-bug.ts';
import { unknownName } from '../language/nearest.ts';
import type { AnyOperation } from '../language/operation.ts';
import type { AnySuite } from '../language/suite.ts';
import type { Trace } from '../language/trace.ts';

/** A thing that suites share, with the names of the suites that have it. */
export interface Listed<Thing> {
  readonly thing: Thing;
  readonly suites: readonly string[];
}

/** A kernel profile's name and what it stands for. */
export interface KernelSentence {
  readonly name: string;
  readonly sentence: string;
}

/** Where suites meet: finds by name whatever they hold, and says what is known when a name is wrong. */
export class Registry {
  readonly suites: readonly AnySuite[];
  readonly #kernelSentences: ReadonlyMap<string, string>;

  /** Throws an InputError when two suites have one name, or two suites have one fault. */
  constructor(suites: readonly AnySuite[], kernels: readonly KernelSentence[] = []) {
    this.suites = suites;
    this.#kernelSentences = new Map(kernels.map(({ name, sentence }) => [name, sentence]));
    demandDistinct(
      'suite',
      suites.map(({ name }) => name),
    );
    for (const { name, operations, invariants } of suites) {
      demandDistinct(
        `operation of the suite ${name}`,
        operations.map((operation) => operation.name),
      );
      demandDistinct(
        `law of the suite ${name}`,
        invariants.map((law) => law.name),
      );
    }
    demandDistinct(
      'fault',
      this.faults().map(({ name }) => name),
    );
  }

  suite(name: string): AnySuite {
    return found(
      'suite',
      name,
      this.suites.find((suite) => suite.name === name),
      this.suites,
    );
  }

  fault(name: string): Fault<unknown> {
    const faults = this.faults();
    return found(
      'fault',
      name,
      faults.find((fault) => fault.name === name),
      faults,
    );
  }

  /** The faults of a `fault:` line or option: one name, or several with commas between them. */
  faultsNamed(names: string): readonly Fault<unknown>[] {
    return names.split(',').map((name) => this.fault(name));
  }

  law(name: string): Invariant<unknown> | undefined {
    return this.laws().find(({ thing }) => thing.name === name)?.thing;
  }

  /** Demands that some suite runs on this kernel. */
  kernel(name: string): string {
    const kernels = this.kernels().map(({ thing }) => thing);
    return found(
      'kernel',
      name,
      kernels.find((kernel) => kernel.name === name),
      kernels,
    ).name;
  }

  /** Suites may draw one operation's arguments from populations of their own: by name it is one all the same. */
  operations(): readonly Listed<AnyOperation>[] {
    const byName = new Map<string, Listed<AnyOperation>>();
    for (const { thing, suites } of gather(this.suites, ({ operations }) => operations)) {
      const known = byName.get(thing.name);
      byName.set(
        thing.name,
        known === undefined ? { thing, suites } : { thing: known.thing, suites: [...known.suites, ...suites] },
      );
    }
    return [...byName.values()];
  }

  laws(): readonly Listed<Invariant<unknown>>[] {
    return gather(this.suites, ({ invariants }) => invariants);
  }

  faults(): readonly Fault<unknown>[] {
    return gather(this.suites, ({ faults = [] }) => faults).map(({ thing }) => thing);
  }

  kernelBugs(): readonly Listed<KernelBug<unknown>>[] {
    return gather(this.suites, ({ kernelBugs = [] }) => kernelBugs);
  }

  kernels(): readonly Listed<KernelSentence>[] {
    return gather(this.suites, ({ kernels }) => kernels).map(({ thing: name, suites }) => {
      const sentence = this.#kernelSentences.get(name) ?? `A kernel of the suites ${suites.join(', ')}.`;
      return { thing: { name, sentence }, suites };
    });
  }

  /** The suite that a trace belongs to: the one it names, or its fault's, or the only one that has all its operations. */
  suiteOf({ header, steps }: Trace): AnySuite {
    if (header.suite !== undefined) return this.suite(header.suite);
    if (header.fault !== undefined) return this.suite(this.faultsNamed(header.fault)[0]!.suite);
    const operations = new Set(steps.map(({ operation }) => operation));
    const able = this.suites.filter((suite) => [...operations].every((one) => suite.operations.includes(one)));
    if (able.length === 1) return able[0]!;
    const names = able.map(({ name }) => name).join(', ');
    const reason = able.length === 0 ? 'no suite has all its operations' : `it could belong to ${names}`;
    throw new InputError(`the trace names no suite, and ${reason}; add "suite: NAME" to its head`, {
      line: 1,
      column: 1,
    });
  }

  /** The kernel that a trace runs on: the one it names, or its fault's, or its suite's first. */
  kernelOf({ header }: Trace, suite: AnySuite): string {
    const { fault } = header;
    const kernel = header.kernel ?? (fault === undefined ? suite.kernels[0]! : this.faultsNamed(fault)[0]!.kernel);
    if (suite.kernels.includes(kernel)) return kernel;
    throw new InputError(`the suite ${suite.name} has no kernel ${kernel}; it has ${suite.kernels.join(', ')}`);
  }
}

function found<Thing>(what: string, name: string, thing: Thing | undefined, all: readonly { name: string }[]): Thing {
  if (thing !== undefined) return thing;
  throw new InputError(
    unknownName(
      what,
      name,
      all.map((one) => one.name),
    ),
  );
}

/** Each thing once, in the order of its first suite. */
function gather<Thing>(suites: readonly AnySuite[], of: (suite: AnySuite) => readonly Thing[]): Listed<Thing>[] {
  const owners = new Map<Thing, string[]>();
  for (const suite of suites) {
    for (const thing of of(suite)) {
      const names = owners.get(thing);
      if (names === undefined) owners.set(thing, [suite.name]);
      else names.push(suite.name);
    }
  }
  return [...owners].map(([thing, names]) => ({ thing, suites: names }));
}

function demandDistinct(what: string, names: readonly string[]): void {
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new InputError(`the ${what} called "${twice}" exists twice`);
}
