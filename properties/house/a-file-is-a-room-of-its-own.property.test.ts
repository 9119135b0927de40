import { expect, test } from 'vitest';
import { sources } from './sources.ts';

const MOST_LINES = 350;

/** Measured numbers are as many as they are. */
const DATA = /(?:^|\/)data\//;

/** A doc comment, or the sentence that a law, an operation, a suite or a fault is declared with. */
const SENTENCE = /\/\*\*|\b(?:law|does|about|story):\s*['"`]/;

test('no file is too long to be read at one go', () => {
  const long = sources()
    .filter(({ path }) => !DATA.test(path))
    .map(({ path, text }) => ({ path, lines: text.split('\n').length - 1 }))
    .filter(({ lines }) => lines > MOST_LINES);
  expect(long).toEqual([]);
});

test('every file says what it is', () => {
  const silent = sources().filter(({ text }) => !SENTENCE.test(text));
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
