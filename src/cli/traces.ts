import { resolve } from 'node:path';
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
    const trace = parseTrace(text, registry.suites);
    const suite = registry.suiteOf(trace);
    return { path, trace, suite, kernel: registry.kernelOf(trace, suite) };
  });
}
