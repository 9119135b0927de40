import { basename, dirname } from 'node:path';
import type { CaseGroup } from '../report/reporters/findings-for-tools.ts';
import type { Replayed } from './replayer.ts';

/** Replayed traces for reporters: a folder is a group, a trace a case. */
export function replayGroups(traces: readonly Replayed[], seconds: number): readonly CaseGroup[] {
  const folders = [...new Set(traces.map(({ path }) => dirname(path)))];
  return folders.map((name) =>
    groupOf(
      name,
      traces.filter(({ path }) => dirname(path) === name),
      seconds / traces.length,
    ),
  );
}

function groupOf(name: string, traces: readonly Replayed[], secondsEach: number): CaseGroup {
  return {
    name,
    seconds: secondsEach * traces.length,
    properties: {},
    cases: traces.map(({ path, ok, expected, actual, skipped }) => ({
      name: basename(path, '.trace'),
      outcome: ok
        ? { kind: 'passed' }
        : {
            kind: 'failed',
            message: `expected ${expected}, got ${actual}`,
            details: skipped === 0 ? [] : [`steps that are not possible any more: ${skipped}`],
            file: path,
          },
    })),
  };
}
