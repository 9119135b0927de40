import { expect, test } from 'vitest';
import { sources } from './sources.ts';

const MOST_LINES = 350;

test('no file is too long to be read at one go', () => {
  const long = sources()
    .map(({ path, text }) => ({ path, lines: text.split('\n').length - 1 }))
    .filter(({ lines }) => lines > MOST_LINES);
  expect(long).toEqual([]);
});

test('every file says what it is', () => {
  const silent = sources().filter(({ text }) => !text.includes('/**'));
  expect(silent.map(({ path }) => path)).toEqual([]);
});

test('names are words, in the form that the project uses', () => {
  const odd = sources().filter(
    ({ path }) => !path.split('/').every((part) => /^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.ts)?$/.test(part)),
  );
  expect(odd.map(({ path }) => path)).toEqual([]);
  const vague = sources().filter(({ path }) => /(?:^|\/)(?:utils?|helpers?|common|misc|index)(?:\.ts|\/)/.test(path));
  expect(vague.map(({ path }) => path)).toEqual([]);
});
