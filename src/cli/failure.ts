import { join, relative, resolve } from 'node:path';
import { shrink } from '../engine/shrink.ts';
import type { RunReport, ShrinkReport, Violation } from '../engine/verdict.ts';
import { InputError } from '../language/input-error.ts';
import type { AnySuite } from '../language/suite.ts';
import type { Trace, TraceHeader } from '../language/trace.ts';
import { printTrace } from '../language/trace-text/print.ts';
import { counted, grouped } from '../report/numbers.ts';
import type { Desk } from './desk.ts';
import { inFile, saveNew } from './files.ts';

/** A found failure after it was shrunk and, if the system allowed it, saved. */
export interface KeptFailure {
  /** The minimal trace as text. */
  readonly text: string;
  /** Its number of steps. */
  readonly steps: number;
  /** How many candidates the shrinker performed. */
  readonly executions: number;
  /** Where it was saved; undefined when it could not be. */
  readonly path: string | undefined;
  /** Why it could not be saved. */
  readonly unsaved: InputError | undefined;
  /** A mistake of our own that the shrinker met on its way. */
  readonly bug: Error | undefined;
  /** All of it, for people. */
  readonly lines: readonly string[];
}

/** Shrinks the failure of a run, saves it in the folder under a new name, and says how to replay it. */
export function keepFailure(desk: Desk, suite: AnySuite, report: RunReport, folder: string): KeptFailure {
  const { trace, violation, run } = report.failure!;
  desk.status.show(`${suite.name} on ${report.kernel}: shrinking ${counted(trace.steps.length, 'step')}`);
  const minimal = desk.surroundings.killable(() => shrink(suite, trace));
  const before = counted(trace.steps.length, 'step');
  const origin = ` found by seed "${report.seed}" in run ${run}, shrunk from ${before}`;
  const text = printTrace({ ...minimal.trace, comments: [{ step: -1, place: 'above', text: origin }] });
  const saved = trySave(desk, folder, nameOf(trace.header, violation), text);
  return {
    text,
    steps: minimal.trace.steps.length,
    executions: minimal.executions,
    bug: minimal.modelBug,
    ...saved,
    lines: describe(desk, suite, report, minimal, text, saved),
  };
}

type Saved = Pick<KeptFailure, 'path' | 'unsaved'>;

function trySave({ surroundings }: Desk, folder: string, name: string, text: string): Saved {
  try {
    const shown = join(folder, `${name}.trace`);
    const path = inFile(shown, () => saveNew(resolve(surroundings.folder, folder), name, '.trace', text));
    const short = relative(surroundings.folder, path);
    return { path: short.startsWith('..') ? path : short, unsaved: undefined };
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return { path: undefined, unsaved: error };
  }
}

/** `prog-pack-free-text-is-trap-filled`: the file's name without its number. */
function nameOf({ suite }: TraceHeader, { law }: Violation): string {
  return `${suite}-${law}`.replaceAll(/[^\w.-]/g, '_');
}

function describe(
  desk: Desk,
  suite: AnySuite,
  report: RunReport,
  { trace, violation, executions }: ShrinkReport,
  text: string,
  { path }: Saved,
): readonly string[] {
  const { colours } = desk;
  const found = report.failure!;
  const steps = `${grouped(found.trace.steps.length)} to ${counted(trace.steps.length, 'step')}`;
  const next = path === undefined ? [] : ['', 'saved; perform it again with', `  ${desk.command('replay', path)}`];
  return [
    colours.red(`${suite.name} on ${report.kernel} violates ${violation.law}:`),
    `  ${lawSentence(suite, violation)}`,
    ...violationText(trace, violation).map((line) => `  ${line}`),
    `found in run ${found.run}, shrunk from ${steps} in ${counted(executions, 'execution')}:`,
    '',
    ...indented(text),
    ...next,
  ];
}

/** Where a law was seen broken, and what shows it. */
export function violationText(trace: Trace, { step, operation, evidence }: Violation): readonly string[] {
  const where =
    step < 0 ? 'the fresh world, before any step' : `after step ${step + 1} of ${trace.steps.length}, ${operation}`;
  return [`${where}:`, ...evidence.map((sentence) => `  ${sentence}`)];
}

/** The law as a sentence. */
export function lawSentence(suite: AnySuite, { law }: Violation): string {
  return suite.invariants.find(({ name }) => name === law)?.law ?? law;
}

/** The lines of a trace's text as they stand in a message. */
export function indented(text: string): readonly string[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => (line === '' ? '' : `  ${line}`));
}
