import type { MachineSettings } from '../language/suite.ts';
import type { WantedReport } from './reports.ts';

/** What `run` can be told. */
export interface RunVerbOptions {
  readonly seed?: string;
  readonly runs?: number;
  readonly steps?: number;
  /** Milliseconds. */
  readonly for?: number;
  readonly kernel?: readonly string[];
  readonly machine?: MachineSettings;
  readonly target: string;
  readonly fault?: string;
  readonly allowHazard?: readonly string[];
  readonly save: string;
  readonly report?: readonly WantedReport[];
  /** How many lanes; given, the run is a campaign. */
  readonly jobs?: number;
  readonly keepGoing?: boolean;
  /** A file. */
  readonly known?: string;
  /** A folder. */
  readonly resume?: string;
  /** Milliseconds. */
  readonly patience?: number;
  /** The length of the longest trace, when all traces are performed. */
  readonly exhaustive?: number;
  /** The most values of an argument then. */
  readonly values?: number;
}

/** What it can be told where the running kernel performs the steps. */
export interface RunLiveOptions {
  readonly seed?: string;
  readonly runs?: number;
  readonly steps?: number;
  /** Milliseconds. */
  readonly for?: number;
  /** The profile to compare with, where it is not to be that of the running kernel. */
  readonly kernel?: readonly string[];
  /** Planted in the model: a way to see that the kernel would notice. */
  readonly fault?: string;
  readonly machine?: unknown;
  readonly allowHazard?: readonly string[];
  readonly save: string;
}
