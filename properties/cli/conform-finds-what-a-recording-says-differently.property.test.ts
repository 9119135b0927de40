import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync, gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { narrowed } from '../../src/report/difference.ts';
import { documentOf, emptyFolder, roxcheck } from './in-process.ts';

const RECORDING = ['../../corpus/golden/', '../../../shared/golden/']
  .map((folder) => fileURLToPath(new URL(`${folder}prog-pack-6.18.jsonl.gz`, import.meta.url)))
  .find(existsSync);

if (RECORDING === undefined) console.warn('skipped: the recording prog-pack-6.18.jsonl.gz is not here');

/** The first cases of the recording. */
function cases(count: number): readonly string[] {
  return gunzipSync(readFileSync(RECORDING!)).toString().split('\n').slice(0, count);
}

test.skipIf(RECORDING === undefined)('what was recorded passes, plain or gzipped', async () => {
  const folder = emptyFolder();
  const text = `${cases(5).join('\n')}\n`;
  writeFileSync(join(folder, 'prog-pack-6.18.jsonl'), text);
  writeFileSync(join(folder, 'prog-pack-6.18.jsonl.gz'), gzipSync(text));
  const ended = await roxcheck('conform prog-pack-6.18.jsonl prog-pack-6.18.jsonl.gz --json', { folder });
  expect(ended.exitCode).toBe(0);
  const result = { cases: 5, passed: 5, failed: 0, skipped: [], firstFailures: [], classes: [] };
  expect(documentOf(ended).files).toEqual([
    { file: 'prog-pack-6.18.jsonl', ...result },
    { file: 'prog-pack-6.18.jsonl.gz', ...result },
  ]);
});

test.skipIf(RECORDING === undefined)('a changed record is named with case, step and field', async () => {
  const folder = emptyFolder();
  const changed = cases(5).map((line, index) =>
    index === 2 ? line.replaceAll('"freeChunksAllTrap":true', '"freeChunksAllTrap":false') : line,
  );
  writeFileSync(join(folder, 'prog-pack-6.18.jsonl'), changed.join('\n'));
  const ended = await roxcheck('conform prog-pack-6.18.jsonl --json', { folder });
  expect(ended.exitCode).toBe(1);
  expect(documentOf(ended)).toMatchObject({
    files: [
      {
        cases: 5,
        passed: 4,
        failed: 1,
        firstFailures: [{ name: expect.any(String), step: expect.any(Number), field: 'packs[0].freeChunksAllTrap' }],
      },
    ],
  });
  const told = await roxcheck('conform prog-pack-6.18.jsonl', { folder });
  expect(told.out).toMatch(/^FAIL {2}prog-pack-6\.18\.jsonl: 4 of 5 cases as recorded\n {6}.*freeChunksAllTrap/);
});

test.each([
  [{ a: [1, 2] }, { a: [1, 3] }, { field: 'x.a[1]', expected: 2, actual: 3 }],
  [{ a: [1, 2] }, { a: [1] }, { field: 'x.a', expected: [1, 2], actual: [1] }],
  [{ a: 1 }, {}, { field: 'x', expected: { a: 1 }, actual: {} }],
  [[1], { 0: 2 }, { field: 'x', expected: [1], actual: { 0: 2 } }],
  [null, 1, { field: 'x', expected: null, actual: 1 }],
])('%j and %j differ first in one place', (expected, actual, place) => {
  expect(narrowed({ field: 'x', expected, actual })).toEqual(place);
});
