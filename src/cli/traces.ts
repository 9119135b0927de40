import { resolve } from 'node:path';
import type { Registry } from '../lab/registry.ts';
import { InputError } from '../language/input-error.ts';
import type { AnySuite } from '../language/suite.ts';
import type { Trace } from '../language/trace.ts';
import { parseTrace } from '../language/trace-text/parse.ts';
import type { Desk } from './desk.ts';
import { inFile, readText } from './files.ts';

/** A trace from a file, with the suite and the kernel that it is performed on. */
export interface LoadedTrace {
  /** As the user wrote it. */
  readonly path: string;
  readonly trace: Trace;
  readonly suite: AnySuite;
  readonly kernel: string;
}

/** Reads a trace file. Throws an InputError with file, line and column. */
export function loadTrace({ registry, surroundings }: Desk, path: string): LoadedTrace {
  return inFile(path, () => {
    const text = readText(resolve(surroundings.folder, path));
    const loaded = understandTrace(registry, path, text);
    const { suite, kernel, trace } = loaded;
    const { machine } = trace.header;
    if (machine !== undefined) atLineOf('machine', text, () => suite.boot(kernel, machine));
    return loaded;
  });
}

/** The same for a text; whoever boots its machine first learns whether that is one ({@link atLineOf}). */
export function understandTrace(registry: Registry, path: string, text: string): LoadedTrace {
  const trace = parseTrace(text, registry.suites);
  const suite = registry.suiteOf(trace);
  return { path, trace, suite, kernel: registry.kernelOf(trace, suite) };
}

/** A setting that only the suite can judge is still the fault of the header line that gives it. */
export function atLineOf<Result>(key: string, text: string, act: () => Result): Result {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    const lines = text.split('\n');
    const index = lines.findIndex((line) => line.startsWith(`${key}:`));
    if (index < 0) throw error;
    const value = lines[index]!.slice(key.length + 1).trimStart();
    throw new InputError(error.message, { line: index + 1, column: lines[index]!.indexOf(value) + 1, ...error.place });
  }
}
