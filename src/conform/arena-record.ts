import { InputError } from '../language/input-error.ts';
import type { Runs, Shown } from '../model/bpf/arena-observation.ts';
import type { RecordedLine } from './recording.ts';

/** The creation of an arena: the attributes, the answer, and the state right after. */
export interface RecordedCreation {
  readonly flags: number;
  readonly maxEntries: number;
  readonly mapExtra: string;
  readonly keySize?: number;
  readonly valueSize?: number;
  readonly result: string;
  readonly free?: Runs;
  readonly kernelPresent?: Runs;
}

/** One recorded step: an operation with its arguments, what it showed, and the state that it left. */
export interface RecordedStep extends Shown {
  readonly op: string;
  readonly args: Readonly<Record<string, unknown>>;
  readonly result: unknown;
  /** The base of the arena, where this step made it known. */
  readonly base?: string;
  /** Whether the kernel chose the base: then the model is told. */
  readonly baseChosen?: boolean;
}

/** A sequence of steps on one arena: one line of a recording. */
export interface RecordedSequence {
  readonly name: string;
  /** `uname -r` of a recording made in a guest. */
  readonly kernel?: string;
  readonly create: RecordedCreation;
  readonly steps: readonly RecordedStep[];
}

/** Whether a line is such a sequence. */
export function isArenaSequence(line: RecordedLine): boolean {
  return typeof line.name === 'string' && isObject(line.create) && 'maxEntries' in line.create;
}

/** Throws an InputError with the line when the sequence is damaged. */
export function readArenaSequence(line: RecordedLine, number: number): RecordedSequence {
  const steps = line.steps;
  const damaged =
    !isArenaSequence(line) ||
    !Array.isArray(steps) ||
    !steps.every((step) => isObject(step) && typeof step.op === 'string' && isObject(step.args));
  if (damaged)
    throw new InputError('expected an arena sequence { name, create, steps: [ { op, args } ] }', { line: number });
  return line as unknown as RecordedSequence;
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;
