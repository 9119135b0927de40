import type { MachineSettings } from '../../language/suite.ts';
import type { Mutant } from '../mutants.ts';
import type { OperationCount, Violation } from '../verdict.ts';
import type { FailureShape } from './failure-shape.ts';
import type { TrialResult } from './trial.ts';

/**
 * What a campaign gives a lane to do and what it gets back: plain data, for lanes may be threads and results are kept in a
 * journal. The same task has the same result in every lane.
 */
export type Task = RunsTask | ShrinkTask | ScoreTask | MutantsTask;

/** One suite on one kernel, as a campaign questions it. */
export interface CampaignJob {
  readonly suite: string;
  readonly kernel: string;
  readonly machine: MachineSettings;
  readonly fault?: string | undefined;
  readonly seed: string;
  /** The longest trace. */
  readonly steps: number;
}

/** Performs `count` numbered runs from `first` on. */
export interface RunsTask {
  readonly kind: 'runs';
  readonly job: CampaignJob;
  readonly first: number;
  readonly count: number;
}

/** Makes a failure minimal. */
export interface ShrinkTask {
  readonly kind: 'shrink';
  readonly job: CampaignJob;
  readonly failure: FoundFailure;
}

export interface RunsDone {
  readonly kind: 'runs';
  readonly first: number;
  readonly count: number;
  readonly steps: number;
  readonly failures: readonly FoundFailure[];
  /** Names of the kernel's own bugs that were met. */
  readonly known: readonly string[];
  readonly judged: Readonly<Record<string, number>>;
  readonly operations: Readonly<Record<string, OperationCount>>;
  /** In how many of the runs each occurrence was met. */
  readonly occurred: Readonly<Record<string, number>>;
  /** What this lane had not covered before. */
  readonly covered: readonly string[];
  /** Why runs did not come to their end: mistakes of our own, or a worker that died twice. */
  readonly bugs: readonly string[];
}

/** A failing trace as a run came upon it, as text. */
export interface FoundFailure {
  readonly run: number;
  readonly complaint: string;
  readonly violation: Violation;
  readonly trace: string;
  readonly steps: number;
}

/** A minimal failing trace. */
export interface Minimal {
  readonly kind: 'shrink';
  readonly trace: string;
  readonly steps: number;
  readonly executions: number;
  readonly violation: Violation;
  readonly shape: FailureShape;
  /** A mistake of our own that the shrinker met on its way. */
  readonly bug?: string;
}

/** Attempts to find one planted bug: a fault of the suite, or one of its mechanical mutants. */
export interface ScoreTask {
  readonly kind: 'score';
  readonly suite: string;
  readonly kernel: string;
  readonly fault?: string;
  readonly mutant?: Mutant;
  readonly seeds: readonly string[];
  readonly steps: number;
}

export interface Scored {
  readonly kind: 'score';
  readonly results: readonly TrialResult[];
}

/** Lists the mechanical mutants of a suite. */
export interface MutantsTask {
  readonly kind: 'mutants';
  readonly suite: string;
  readonly kernel: string;
}

export interface MutantsListed {
  readonly kind: 'mutants';
  readonly mutants: readonly Mutant[];
}

export type TaskResult = RunsDone | Minimal | Scored | MutantsListed;

/** Carries out a task. Rejects when the lane died or hung. */
export type Perform = (task: RunsTask | ShrinkTask) => Promise<TaskResult>;
