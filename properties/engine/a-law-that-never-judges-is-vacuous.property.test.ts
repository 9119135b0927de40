import { expect, test } from 'vitest';
import { runSuite } from '../../src/engine/run.ts';
import { invariant } from '../../src/language/invariant.ts';
import { takenChunksAreOwned } from './toy/laws.ts';
import { toySuite } from './toy/suite.ts';
import type { ToyWorld } from './toy/world.ts';

const aboutNothing = invariant<ToyWorld>({
  name: 'pieces-are-never-printed',
  law: 'Nobody prints a piece.',
  concerns: (_world, { operation }) => operation.name === 'print',
  judgeStep: (_world, _happened, violated) => violated('printed'),
});

const suite = toySuite({ invariants: [takenChunksAreOwned, aboutNothing], runs: 20, steps: 30 });
const options = { kernel: 'toy', machine: {}, seed: 'idle', runs: 20, steps: 30 };

test('a suite with a law that never had anything to judge is vacuous, and the law is named', async () => {
  const report = await runSuite(suite, options);
  expect(report.verdict).toBe('vacuous');
  expect(report.reason).toContain('pieces-are-never-printed');
  expect(report.judged.get('pieces-are-never-printed')).toBe(0);
  expect(report.judged.get('taken-chunks-are-owned')).toBeGreaterThan(report.steps);
});

test('less than the default budget, a stop and a planted fault prove nothing about that', async () => {
  expect((await runSuite(suite, { ...options, runs: 19 })).verdict).toBe('holds');
  expect((await runSuite(suite, { ...options, steps: 29 })).verdict).toBe('holds');
  let asked = 0;
  expect((await runSuite(suite, { ...options, stop: () => ++asked > 5 })).runs).toBe(5);
  const rare = { ...options, fault: 'leak-after-2-cycles', runs: 20, steps: 30, seed: 'no failure' };
  expect((await runSuite({ ...suite, invariants: [aboutNothing] }, rare)).verdict).toBe('holds');
});
