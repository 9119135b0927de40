import { availableParallelism } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InputError } from '../language/input-error.ts';
import { counted, grouped } from '../report/numbers.ts';
import type { Answer, Desk } from './desk.ts';
import { ALL_WELL, FOUND_SOMETHING } from './exit-codes.ts';
import { inFile, isFolder, tracePaths } from './files.ts';
import { allowHazardOption, count, targetOption } from './option-values.ts';
import { replayAll } from './replay-lanes.ts';
import { replayLive } from './replay-live.ts';
import { replayGroups } from './replay-report.ts';
import type { Replayed } from './replayer.ts';
import { reportOption, type WantedReport, writeReports } from './reports.ts';
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
  options: [
    targetOption,
    allowHazardOption,
    reportOption,
    {
      syntax: '--jobs <n>',
      does: 'how many threads (default: one for few traces, else one for each CPU)',
      parse: count,
    },
  ],
  act: (desk, paths, options: ReplayOptions) =>
    options.target === 'live'
      ? replayLive(desk, collect(desk, paths), options.allowHazard)
      : replay(desk, paths, options),
};

interface ReplayOptions {
  readonly target: string;
  readonly allowHazard?: readonly string[];
  readonly report?: readonly WantedReport[];
  readonly jobs?: number;
}

/** Performs the traces in these files and folders. */
export async function replay(
  desk: Desk,
  paths: readonly string[],
  { report: reports = [], jobs }: { readonly report?: readonly WantedReport[]; readonly jobs?: number } = {},
): Promise<Answer> {
  const { colours, surroundings } = desk;
  const begin = surroundings.now();
  const results: Replayed[] = [];
  const collected = collect(desk, paths);
  for await (const result of replayAll(desk, collected, jobs ?? defaultJobs(collected.length))) {
    results.push(result);
    desk.status.show(`${grouped(results.length)} of ${counted(collected.length, 'trace')} replayed`);
    const mark = result.ok ? colours.green('ok  ') : colours.red('FAIL');
    const skipped = result.skipped === 0 ? '' : `, ${counted(result.skipped, 'step')} not possible any more`;
    desk.say(
      `${mark}  ${result.path}: ${result.ok ? result.actual : `expected ${result.expected}, got ${result.actual}`}${skipped}`,
    );
  }
  const failed = results.filter(({ ok }) => !ok).length;
  desk.say(`${counted(results.length, 'trace')} replayed, ${failed} of them not as expected`);
  const seconds = (surroundings.now() - begin) / 1000;
  const exitCode = failed > 0 ? FOUND_SOMETHING : (desk.stoppedCode() ?? ALL_WELL);
  return writeReports(desk, reports, replayGroups(results, seconds), { exitCode, document: { traces: results } });
}

/** The trace files that the words stand for, as paths from the current folder where that is shorter. */
export function collect({ surroundings: { folder } }: Desk, paths: readonly string[]): readonly string[] {
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

/** A thread takes as long to begin as some sixty traces take, and each boots the worlds it needs for itself. */
function defaultJobs(traces: number): number {
  return traces < 200 ? 1 : availableParallelism();
}
