import type { Journal } from '../base/journal.ts';
import type { Fault } from './fault.ts';
import type { Invariant } from './invariant.ts';
import type { KernelBug } from './kernel-bug.ts';
import type { Occurrence } from './occurrence.ts';
import type { AnyOperation } from './operation.ts';

/** All that the engine asks of a world. */
export interface JournaledWorld {
  readonly journal: Journal;
}

/** The configuration of the modelled machine, as `key=value` words; a suite says which keys it knows. */
export type MachineSettings = Readonly<Record<string, string>>;

/** Operations, laws, kernels and a budget under a name: what `run` runs. */
export interface Suite<World extends JournaledWorld = JournaledWorld> {
  readonly name: string;
  /** One sentence for `list suites`. */
  readonly about: string;
  /** Kernel profiles it can run on; the first is the default. */
  readonly kernels: readonly string[];
  /** Builds a fresh world. Throws an InputError for a machine setting it does not know. */
  boot(kernel: string, machine: MachineSettings): World;
  readonly operations: readonly AnyOperation[];
  /**
   * What tells a state from others, as numbers or other values in a fixed order: an enumeration counts the states it met by
   * it. What differs in names or in the order of equals only (numbers of results, whichever pack is first in a set) is no
   * part of it.
   */
  observe?(world: World): readonly unknown[];
  readonly invariants: readonly Invariant<World>[];
  readonly faults?: readonly Fault<World>[];
  readonly kernelBugs?: readonly KernelBug<World>[];
  /** Classes of state that hold copies of other state, as a CPU's caches do: whether a step filled one tells no failure from another. */
  readonly copies?: readonly (abstract new (
    ...args: never[]
  ) => object)[];
  /** What its runs should meet. */
  readonly occurrences?: readonly Occurrence<World>[];
  /** Whether it compares kernels: where none is named, all of them run. */
  readonly everyKernel?: boolean;
  /** What is counted of a world, by names that people read: `run` adds up by operation what its steps changed of each. */
  counters?(world: World): Readonly<Record<string, number>>;
  /** Traces of a run with the default budget. */
  readonly runs: number;
  /** The longest trace of a run with the default budget. */
  readonly steps: number;
}

// biome-ignore lint/suspicious/noExplicitAny: a registry holds suites of every world
export type AnySuite = Suite<any>;

export function suite<World extends JournaledWorld>(description: Suite<World>): Suite<World> {
  return description;
}
