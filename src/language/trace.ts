import type { AnyOperation } from './operation.ts';
import type { MachineSettings } from './suite.ts';

/** What a saved trace is held to when it is replayed. */
export type Expectation =
  | { readonly kind: 'holds' }
  | { readonly kind: 'violates'; readonly law: string }
  | { readonly kind: 'known'; readonly bug: string }
  | { readonly kind: 'diverges' };

/** The `key: value` lines at the head of a trace. */
export interface TraceHeader {
  readonly kernel?: string;
  readonly machine?: MachineSettings;
  readonly suite?: string;
  readonly seed?: string;
  /** A planted fault's name, or several with commas between them. */
  readonly fault?: string;
  readonly expect?: Expectation;
}

/**
 * An operation with its arguments. An argument that is the result of an earlier step is that result's number; `made`
 * numbers the step's own results. Numbers are unique in a trace and survive the deletion of other steps.
 */
export interface Step {
  readonly operation: AnyOperation;
  readonly args: Readonly<Record<string, unknown>>;
  readonly made: readonly number[];
}

/** A list of steps: data, text in and text out. */
export interface Trace {
  readonly header: TraceHeader;
  readonly steps: readonly Step[];
  /** Names that the user gave to results; others are called by their kind and a count. */
  readonly names?: ReadonlyMap<number, string>;
  /** Comments as read: those above the header and steps, by the index of the line's step (-1 is the head), and behind a step. */
  readonly comments?: readonly TraceComment[];
}

export interface TraceComment {
  /** The step it stands above or behind; the number of steps for the end of the file; -1 for the head. */
  readonly step: number;
  readonly place: 'above' | 'behind';
  readonly text: string;
}
