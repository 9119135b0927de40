import { expect, test } from 'vitest';
import { documentOf, roxcheck } from './in-process.ts';
import { broken, shelf } from './toy-suites.ts';

test('each planted bug has a row, and survivors are named', async () => {
  const ended = await roxcheck('score --trials 3 --steps 300 --mutants 2 --jobs 1');
  expect(ended.exitCode).toBe(0);
  const rows = ended.out.split('\n').map((line) => line.replaceAll(/ {2,}/g, '  '));
  expect(rows[0]).toBe('suite  planted  solved  median steps  median shrunk');
  expect(rows[1]).toMatch(/^shelf {2}room-forgotten {2}3 of 3 {2}\d+ {2}2$/);
  expect(rows[2]).toMatch(/^shelf {2}Shelf\.take: .* {2}[0-3] of 3 {2}.*/);
  expect(ended.out).toContain('1 fault: 1 (100.0 %) solved in all trials, 1 in one at least');
  expect(ended.out).toMatch(/\n2 mutants: \d \(.* %\) solved in all trials/);
});

test('the same seed gives the same score in any number of lanes, and the document holds all of it', async () => {
  const words = 'score --trials 2 --steps 300 --mutants 3 --json';
  const one = documentOf(await roxcheck(`${words} --jobs 1`));
  expect(documentOf(await roxcheck(`${words} --jobs 2`))).toEqual(one);
  expect(one).toMatchObject({
    trials: 2,
    steps: 300,
    totals: [
      { kind: 'fault', planted: 1, solvedInAll: 1 },
      { kind: 'mutant', planted: 3 },
    ],
    scores: [
      { kind: 'fault', suite: 'shelf', name: 'room-forgotten', solved: 2, hung: 0, laws: ['within-room'] },
      { kind: 'mutant' },
      { kind: 'mutant' },
      { kind: 'mutant' },
    ],
  });
});

test('only the suites asked for are scored', async () => {
  const ended = await roxcheck('score --suite shelf --mutants 0 --trials 1 --steps 300', { suites: [broken, shelf] });
  expect(ended.out).not.toContain('broken');
  const wrong = await roxcheck('score --suite shelv');
  expect(wrong.exitCode).toBe(2);
});
