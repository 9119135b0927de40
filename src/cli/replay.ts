import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { performTrace } from '../engine/perform.ts';
import type { Performed } from '../engine/verdict.ts';
import { InputError } from '../language/input-error.ts';
import type { Expectation } from '../language/trace.ts';
import { printExpectation } from '../language/trace-text/header.ts';
import { counted } from '../report/numbers.ts';
import type { Answer, Desk } from './desk.ts';
import { ALL_WELL, FOUND_SOMETHING } from './exit-codes.ts';
import { inFile, isFolder, tracePaths } from './files.ts';
import { allowHazardOption, targetOption } from './option-values.ts';
import { replayLive } from './replay-live.ts';
import { replayGroups } from './replay-report.ts';
import { reportOption, type WantedReport, writeReports } from './reports.ts';
import { loadTrace } from './traces.ts';
import type { Verb } from './verb.ts';

export const replayVerb: Verb = {
  name: 'replay',
  does: 'performs saved traces and holds each to what its head expects',
  words: [
    {
      syntax: '[path...]',
      does: 'trace files, or folders of them (default: corpus/ here, else the one of the project)',
    },
  ],
  options: [targetOption, allowHazardOption, reportOption],
  act: (desk, paths, { target, allowHazard, report }: ReplayOptions) =>
    target === 'live' ? replayLive(desk, collect(desk, paths), allowHazard) : replay(desk, paths, report),
};

interface ReplayOptions {
  readonly target: string;
  readonly allowHazard?: readonly string[];
  readonly report?: readonly WantedReport[];
}

/** Performs the traces in these files and folders. */
export async function replay(
  desk: Desk,
  paths: readonly string[],
  reports: readonly WantedReport[] = [],
): Promise<Answer> {
  const { colours, surroundings } = desk;
  const begin = surroundings.now();
  const results: Replayed[] = [];
  for (const path of collect(desk, paths)) {
    if (desk.stoppedCode() !== undefined) break;
    desk.status.show(`replaying ${path}`);
    const result = replayOne(desk, path);
    results.push(result);
    const mark = result.ok ? colours.green('ok  ') : colours.red('FAIL');
    const skipped = result.skipped === 0 ? '' : `, ${counted(result.skipped, 'step')} not possible any more`;
    desk.say(
      `${mark}  ${path}: ${result.ok ? result.actual : `expected ${result.expected}, got ${result.actual}`}${skipped}`,
    );
    // The traces are short and synchronous; Ctrl-C is heard between them.
    await new Promise<void>((resume) => setImmediate(resume));
  }
  const failed = results.filter(({ ok }) => !ok).length;
  desk.say(`${counted(results.length, 'trace')} replayed, ${failed} of them not as expected`);
  const seconds = (surroundings.now() - begin) / 1000;
  const exitCode = failed > 0 ? FOUND_SOMETHING : (desk.stoppedCode() ?? ALL_WELL);
  return writeReports(desk, reports, replayGroups(results, seconds), { exitCode, document: { traces: results } });
}

/** What a trace was expected to do and did, as `--json` gives it. */
export interface Replayed {
  readonly path: string;
  readonly expected: string;
  readonly actual: string;
  readonly ok: boolean;
  /** Steps that made no sense where they stood, so that they were not performed. */
  readonly skipped: number;
}

function replayOne(desk: Desk, path: string): Replayed {
  const { trace, suite, kernel } = loadTrace(desk, path);
  const { expect = { kind: 'holds' } } = trace.header;
  const performed = inFile(path, () => desk.surroundings.killable(() => performTrace(suite, trace, { kernel })));
  const skipped = performed.skipped.length;
  // A trace none of whose steps is possible any more shows nothing, whatever it expects.
  const isDead = skipped > 0 && skipped === trace.steps.length;
  const actual = isDead ? 'nothing to judge' : describe(performed);
  return {
    path,
    expected: printExpectation(expect),
    actual,
    ok: actual === describeExpected(expect),
    skipped,
  };
}

function describe(performed: Performed): string {
  switch (performed.kind) {
    case 'violates':
      return `violates ${performed.violation.law}`;
    case 'known':
      return `known ${performed.bug}`;
    case 'holds':
      return 'holds';
  }
}

/** What the model has to show: a trace on which a live kernel diverges is one that holds on the model. */
function describeExpected(expect: Expectation): string {
  return expect.kind === 'diverges' ? 'holds' : printExpectation(expect);
}

/** The trace files that the words stand for, as paths from the current folder where that is shorter. */
function collect({ surroundings: { folder } }: Desk, paths: readonly string[]): readonly string[] {
  if (paths.length === 0) return defaultTraces(folder);
  return paths.flatMap((path) => {
    const whole = resolve(folder, path);
    const found = inFile(path, () => tracePaths(whole));
    if (found.length === 0) throw new InputError('the folder holds no .trace files', { file: path });
    return found.map((one) => (one === whole ? path : shortest(folder, one)));
  });
}

function defaultTraces(folder: string): readonly string[] {
  for (const corpus of [join(folder, 'corpus'), fileURLToPath(new URL('../../corpus', import.meta.url))]) {
    const found = isFolder(corpus) ? tracePaths(corpus) : [];
    if (found.length > 0) return found.map((one) => shortest(folder, one));
  }
  throw new InputError('there are no saved traces: neither in corpus/ of this folder nor in the corpus of the project');
}

function shortest(folder: string, path: string): string {
  const short = relative(folder, path);
  return short.length < path.length ? short : path;
}
