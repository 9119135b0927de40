import { dirname, join, resolve } from 'node:path';
import { isSameBug, shapeOf } from '../engine/campaign/failure-shape.ts';
import type { Minimal } from '../engine/campaign/task.ts';
import { performTrace } from '../engine/perform.ts';
import { InputError } from '../language/input-error.ts';
import { unknownName } from '../language/nearest.ts';
import type { AnySuite } from '../language/suite.ts';
import type { Desk } from './desk.ts';
import { inFile, readText } from './files.ts';
import { loadTrace } from './traces.ts';

/** A failure that the user knows of: found again, it is counted and is no reason to fail. */
export interface KnownFailure {
  /** The line as it was written. */
  readonly text: string;
  recognises(suite: string, minimal: Minimal): boolean;
}

/**
 * Reads a list of known failures, one a line: a law's name, `LAW after OPERATION`, either behind `SUITE:`, or the path of a
 * saved trace (beside the list), which stands for the bug that it shows. `#` begins a comment.
 *
 * Throws an InputError with file, line and column for a name that nobody has, for a trace that breaks no law, and for a list
 * that cannot match anything in these suites.
 */
export function readKnownFailures(desk: Desk, path: string, suites: readonly AnySuite[]): readonly KnownFailure[] {
  return inFile(path, () => {
    const lines = readText(resolve(desk.surroundings.folder, path)).replace('\ufeff', '').split('\n');
    const known = lines.flatMap((line, index) => {
      const text = line.replace(/(?:^|\s)#.*$/, '').trim();
      if (text === '') return [];
      const place = { line: index + 1, column: line.indexOf(text) + 1 };
      return [text.endsWith('.trace') ? savedTrace(desk, path, text, place) : sentence(desk, text, place)];
    });
    if (known.length === 0) throw new InputError('the list names no known failure');
    const names = new Set(suites.map(({ name }) => name));
    if (known.some(({ suites: possible }) => possible.some((name) => names.has(name)))) return known;
    throw new InputError(
      `the list matches nothing: no suite that runs here (${[...names].join(', ')}) can show any of it`,
    );
  });
}

type Place = { readonly line: number; readonly column: number };
type Entry = KnownFailure & { readonly suites: readonly string[] };

function sentence({ registry }: Desk, text: string, place: Place): Entry {
  const [, suiteName, law = '', operation] = /^(?:([\w-]+):\s*)?([\w-]+)(?:\s+after\s+(\S+))?$/.exec(text) ?? [];
  if (law === '') {
    throw new InputError(
      'expected "LAW", "LAW after OPERATION", either behind "SUITE:", or the path of a .trace file',
      place,
    );
  }
  const able = suiteName === undefined ? registry.suites : [inPlace(place, () => registry.suite(suiteName))];
  const withLaw = able.filter(({ invariants }) => invariants.some(({ name }) => name === law));
  if (withLaw.length === 0) {
    const laws = new Set(able.flatMap(({ invariants }) => invariants.map(({ name }) => name)));
    throw new InputError(unknownName('law', law, laws), place);
  }
  const suites = withLaw.filter(
    ({ operations }) =>
      operation === undefined || operation === 'boot' || operations.some(({ name }) => name === operation),
  );
  if (operation !== undefined && suites.length === 0) {
    const operations = new Set(withLaw.flatMap((suite) => suite.operations.map(({ name }) => name)));
    throw new InputError(unknownName('operation', operation, operations), place);
  }
  const names = suites.map(({ name }) => name);
  return {
    text,
    suites: names,
    recognises: (suite, { violation }) =>
      names.includes(suite) &&
      violation.law === law &&
      (operation === undefined || (violation.operation ?? 'boot') === operation),
  };
}

function savedTrace(desk: Desk, list: string, text: string, place: Place): Entry {
  const { trace, suite, kernel } = inPlace(place, () => loadTrace(desk, join(dirname(list), text)));
  const performed = performTrace(suite, trace, { kernel });
  if (performed.kind !== 'violates')
    throw new InputError(`the trace ${text} breaks no law, so it is no failure`, place);
  const { violation } = performed;
  const shape = shapeOf(trace.steps.slice(0, violation.step + 1), violation);
  return {
    text,
    suites: [suite.name],
    recognises: (name, minimal) => name === suite.name && isSameBug(shape, minimal.shape),
  };
}

/** A mistake without a place of its own is one of this line. */
function inPlace<Result>(place: Place, act: () => Result): Result {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof InputError) || error.place.file !== undefined) throw error;
    throw new InputError(error.message, { ...place, ...error.place });
  }
}
