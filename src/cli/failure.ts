import { join, relative, resolve } from 'node:path';
import { shrink } from '../engine/shrink.ts';
import type { RunReport, Violation } from '../engine/verdict.ts';
import { InputError } from '../language/input-error.ts';
import type { AnySuite } from '../language/suite.ts';
import type { Trace, TraceHeader } from '../language/trace.ts';
import { printTrace } from '../language/trace-text/print.ts';
import { counted, grouped } from '../report/numbers.ts';
import type { Desk } from './desk.ts';
import { inFile, saveNew, saveOnce } from './files.ts';

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

/** A failure before and after it was shrunk. */
export interface Shrunk {
  readonly suite: AnySuite;
  readonly kernel: string;
  readonly run: number;
  /** How long the trace was before. */
  readonly stepsBefore: number;
  /** The minimal trace, as text too. */
  readonly trace: Trace;
  readonly text: string;
  readonly violation: Violation;
  readonly executions: number;
  readonly bug: Error | undefined;
}

/** Shrinks the failure of a run, saves it in the folder under a new name, and says how to replay it. */
export function keepFailure(desk: Desk, suite: AnySuite, report: RunReport, folder: string): KeptFailure {
  const { trace, violation, run } = report.failure!;
  const { kernel } = report;
  const stepsBefore = trace.steps.length;
  desk.status.show(`${suite.name} on ${kernel}: shrinking ${counted(stepsBefore, 'step')}`);
  const minimal = desk.surroundings.killable(() => shrink(suite, trace));
  const origin = ` found by seed "${report.seed}" in run ${run}, shrunk from ${counted(stepsBefore, 'step')}`;
  const text = printTrace({ ...minimal.trace, comments: [{ step: -1, place: 'above', text: origin }] });
  const saved = trySave(desk, folder, nameOf(trace.header, violation), text, saveNew);
  const { modelBug: bug, ...shrunk } = minimal;
  return kept(desk, { ...shrunk, suite, kernel, run, stepsBefore, text, bug }, saved);
}

/** Saves what a campaign shrank; a file that holds the very same already, from before an interruption, will do. */
export function keepShrunk(desk: Desk, shrunk: Shrunk, folder: string): KeptFailure {
  return kept(
    desk,
    shrunk,
    trySave(desk, folder, nameOf(shrunk.trace.header, shrunk.violation), shrunk.text, saveOnce),
  );
}

function kept(desk: Desk, shrunk: Shrunk, saved: Saved): KeptFailure {
  const { text, trace, executions, bug } = shrunk;
  return { text, steps: trace.steps.length, executions, bug, ...saved, lines: describe(desk, shrunk, saved) };
}

type Saved = Pick<KeptFailure, 'path' | 'unsaved'>;

function trySave({ surroundings }: Desk, folder: string, name: string, text: string, save: typeof saveNew): Saved {
  try {
    const shown = join(folder, `${name}.trace`);
    const path = inFile(shown, () => save(resolve(surroundings.folder, folder), name, '.trace', text));
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

function describe(desk: Desk, shrunk: Shrunk, { path }: Saved): readonly string[] {
  const { suite, kernel, run, stepsBefore, trace, text, violation, executions } = shrunk;
  const steps = `${grouped(stepsBefore)} to ${counted(trace.steps.length, 'step')}`;
  const next = path === undefined ? [] : ['', 'saved; perform it again with', `  ${desk.command('replay', path)}`];
  return [
    desk.colours.red(`${suite.name} on ${kernel} violates ${violation.law}:`),
    `  ${lawSentence(suite, violation)}`,
    ...violationText(trace, violation).map((line) => `  ${line}`),
    `found in run ${run}, shrunk from ${steps} in ${counted(executions, 'execution')}:`,
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
