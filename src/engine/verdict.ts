import type { Trace } from '../language/trace.ts';
import type { Frequency } from './sequential-test.ts';

/** A broken law: data, never an exception. */
export interface Violation {
  readonly law: string;
  /** The step after which it was seen, counted from 0; -1 for the fresh world. */
  readonly step: number;
  /** The operation of that step; undefined for the fresh world. */
  readonly operation: string | undefined;
  /** What the kernel answered when it refused that step. */
  readonly answer?: string;
  /** The kinds of state that the step changed: the classes of the changed parts, each once, in alphabetical order. */
  readonly changed: readonly string[];
  /** What a human needs to believe it, one sentence each. */
  readonly evidence: readonly string[];
}

/** How the running of a suite ended. `rare`: every law holds, but something that its runs should meet happens too rarely. */
export type Verdict = 'holds' | 'violates' | 'diverges' | 'vacuous' | 'rare' | 'skipped' | 'model-bug';

/** How often an operation succeeded and was refused by the kernel. */
export interface OperationCount {
  ok: number;
  refused: number;
}

export interface RunProgress {
  readonly runs: number;
  readonly steps: number;
  readonly judged: number;
}

export interface RunOptions {
  readonly kernel: string;
  readonly machine: Readonly<Record<string, string>>;
  readonly seed: string;
  /** The most traces. */
  readonly runs: number;
  /** The longest trace. */
  readonly steps: number;
  /** The name of a fault of the suite to plant. */
  readonly fault?: string;
  /** Asked between traces, after a yield to the event loop about every 50 ms of work: true ends the run (time is up, Ctrl-C). */
  readonly stop?: () => boolean;
  /** Called at each such yield. */
  readonly onProgress?: (progress: RunProgress) => void;
  /** Milliseconds from any fixed moment, to know when to yield; the engine itself never reads the clock. */
  readonly now?: () => number;
}

/** A failing trace, cut at its failing step but not shrunk. */
export interface Failure {
  readonly trace: Trace;
  readonly violation: Violation;
  /** The number of the run that found it, from 0. */
  readonly run: number;
}

export interface RunReport {
  readonly suite: string;
  readonly kernel: string;
  readonly seed: string;
  readonly runs: number;
  readonly steps: number;
  readonly verdict: Verdict;
  /** Why, in words: the vacuous laws, the reason to skip, the message of a model bug. */
  readonly reason?: string;
  readonly failure?: Failure;
  /** Names of the kernel bugs that were met. */
  readonly known: readonly string[];
  readonly operations: ReadonlyMap<string, OperationCount>;
  /** How many items (or states, or steps) each law judged. */
  readonly judged: ReadonlyMap<string, number>;
  /** In how many runs each occurrence that the suite names was met. */
  readonly occurred: ReadonlyMap<string, Frequency>;
  /** By operation: what its steps changed of the suite's counters, in sum. */
  readonly counted: ReadonlyMap<string, ReadonlyMap<string, number>>;
  /** The stack of our own mistake, when the verdict is `model-bug`. */
  readonly bug?: Error;
}

/** What performing a saved trace showed. */
export type Performed =
  | { readonly kind: 'holds' }
  | { readonly kind: 'known'; readonly bug: string; readonly violation: Violation }
  | { readonly kind: 'violates'; readonly violation: Violation };

export interface ShrinkReport {
  readonly trace: Trace;
  readonly violation: Violation;
  /** Candidates performed up to the minimal trace. */
  readonly executions: number;
  /** Candidates that the model ruled out (a step was not ready) before the failure could show. */
  readonly rejected: number;
  /** A mistake of our own that a candidate ran into; it was taken for one that does not fail. */
  readonly modelBug?: Error;
}
