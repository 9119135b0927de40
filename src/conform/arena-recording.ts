import { InputError } from '../language/input-error.ts';
import { ArenaReplay, type RecordedStep, type Shown } from './arena-replay.ts';

/** A sequence of steps on one arena, as a recording holds it: one line of JSON. */
export interface RecordedSequence {
  readonly name: string;
  /** `uname -r` of a recording made in a guest. */
  readonly kernel?: string;
  readonly create: {
    readonly flags: number;
    readonly maxEntries: number;
    readonly mapExtra: string;
    readonly keySize?: number;
    readonly valueSize?: number;
    readonly result: string;
    readonly free?: readonly (readonly [number, number])[];
    readonly kernelPresent?: readonly (readonly [number, number])[];
  };
  readonly steps: readonly RecordedStep[];
}

/** Where model and record differ first in a case. Step -1 is the creation of the arena. */
export interface Difference {
  readonly name: string;
  readonly step: number;
  readonly field: string;
  readonly expected: unknown;
  readonly actual: unknown;
}

/** What came of a recording: one case a line. */
export interface ConformityOfArena {
  readonly cases: number;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: readonly { readonly name: string; readonly reason: string }[];
  /** The first difference of each of the first failing cases. */
  readonly firstFailures: readonly Difference[];
}

const MOST_FAILURES = 10;

/**
 * Performs every recorded sequence on a fresh model of the kernel and compares each step's result, fault report and the
 * state it left: what is mapped, which slots are free, which pages are present for the kernel and for both processes.
 */
export function performArenaRecording(
  lines: Iterable<string>,
  profileName: string,
  mostFailures = MOST_FAILURES,
): ConformityOfArena {
  let passed = 0;
  let cases = 0;
  const differences: Difference[] = [];
  for (const line of lines) {
    if (line.trim() === '') continue;
    cases++;
    const difference = performSequence(readSequence(line), profileName);
    if (difference === undefined) passed++;
    else if (differences.length < mostFailures) differences.push(difference);
  }
  return { cases, passed, failed: cases - passed, skipped: [], firstFailures: differences };
}

/** The first difference of one sequence, or undefined when the model did all that the kernel did. */
export function performSequence(sequence: RecordedSequence, profileName: string): Difference | undefined {
  const { name, create, steps } = sequence;
  const replay = new ArenaReplay(profileName, sequence);
  const difference = firstDifference(create as unknown as Shown, replay.created());
  if (difference !== undefined) return { name, step: -1, ...difference };
  for (const [step, recorded] of steps.entries()) {
    const difference = firstDifference(recorded as unknown as Shown, replay.perform(recorded));
    if (difference !== undefined) return { name, step, ...difference };
  }
  return undefined;
}

function readSequence(line: string): RecordedSequence {
  const sequence = JSON.parse(line) as RecordedSequence;
  if (typeof sequence?.create !== 'object' || !Array.isArray(sequence.steps)) {
    throw new InputError('a recorded arena sequence has `create` and `steps`');
  }
  return sequence;
}

/**
 * Compares the fields that the model shows. `mapped` is compared where it was recorded: a recorder does not look for the
 * mapping before it knows the range, nor after steps that concern other maps.
 */
function firstDifference(
  recorded: Shown,
  shown: Shown,
): { field: string; expected: unknown; actual: unknown } | undefined {
  for (const [field, actual] of Object.entries(shown)) {
    const expected = recorded[field];
    if (field === 'mapped' && expected === undefined) continue;
    if (JSON.stringify(expected) !== JSON.stringify(actual)) return { field, expected, actual };
  }
  return undefined;
}
