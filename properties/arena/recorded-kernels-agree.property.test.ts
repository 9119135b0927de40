import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { arenaRecording } from '../../src/conform/arena-recording.ts';
import type { RecordedLine } from '../../src/conform/recording.ts';

const GOLDEN = join(import.meta.dirname, '../../corpus/golden');

/** Every `stride`-th sequence of a recording. */
function sequences(path: string, stride: number): RecordedLine[] {
  const lines = gunzipSync(readFileSync(path)).toString('utf8').trim().split('\n');
  return lines.filter((_, index) => index % stride === 0).map((line) => JSON.parse(line) as RecordedLine);
}

/** `roxcheck conform` performs all of each file; here every third keeps the tests short. */
function agrees(path: string, stride: number, atLeast: number): void {
  const report = arenaRecording.perform(sequences(path, stride), {
    fileName: path,
    companion: () => [],
    optionalCompanion: () => undefined,
  });
  expect(report.firstFailures).toEqual([]);
  expect(report.failed).toBe(0);
  expect(report.cases).toBeGreaterThan(atLeast);
}

test('the recorded arenas of Linux 6.18.44 agree with the model', () => {
  agrees(join(GOLDEN, 'arena-6.18.jsonl.gz'), 2, 2000);
});

const folder = join(GOLDEN, 'kernels');
const files = existsSync(folder) ? readdirSync(folder).filter((name) => name.startsWith('arena-')) : [];

test.each(files)('the recorded arenas of %s agree with the model', (name) => {
  agrees(join(folder, name), name.includes('-7.') ? 8 : 3, 80);
});
