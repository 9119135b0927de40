import { expect, test } from 'vitest';
import { Random } from '../../src/base/seed.ts';
import { runSuite } from '../../src/engine/run.ts';
import { judgeFrequency } from '../../src/engine/sequential-test.ts';
import { required, sometimes } from '../../src/language/occurrence.ts';
import { roxcheck } from '../cli/in-process.ts';
import { toySuite } from './toy/suite.ts';
import type { ToyWorld } from './toy/world.ts';

const options = { kernel: 'toy', machine: {}, seed: 'meet', runs: 100, steps: 200 };

const freed = { name: 'a-piece-is-freed', says: 'A piece is freed.', after: ['free'], happens: () => true };
const crowded = {
  name: 'twenty-pieces-live',
  says: 'Twenty pieces live.',
  happens: ({ pieces }: ToyWorld) => pieces.length === 20,
};

test('what happens often enough leaves the verdict alone', async () => {
  const report = await runSuite(toySuite({ occurrences: [required(0.5, freed), sometimes(freed)] }), options);
  expect(report.verdict).toBe('holds');
  expect(report.occurred.get(freed.name)!.met).toBeGreaterThan(80);
});

test.each([
  { occurrence: required(0.5, crowded), wanted: 'in at least 50 % of them' },
  { occurrence: sometimes(crowded), wanted: 'at least once' },
])('what does not is a verdict of its own: wanted $wanted', async ({ occurrence, wanted }) => {
  const suite = toySuite({ occurrences: [occurrence] });
  const report = await runSuite(suite, options);
  expect(report.verdict).toBe('rare');
  expect(report.reason).toBe(
    `happens too rarely: twenty-pieces-live in 0 of 100 runs, wanted ${wanted}: Twenty pieces live.`,
  );
  // Few runs tell nothing of a share, and nothing of a budget that was not used up; nor do shorter traces.
  expect((await runSuite(suite, { ...options, runs: 20 })).verdict).toBe('holds');
  expect((await runSuite(suite, { ...options, steps: 50 })).verdict).toBe('holds');
  const told = await roxcheck('run --seed meet --json', { suites: [suite] });
  const campaign = await roxcheck('run --seed meet --jobs 1 --report ktap', { suites: [suite] });
  expect([told.exitCode, campaign.exitCode]).toEqual([1, 1]);
  expect(JSON.parse(told.out)).toMatchObject({
    suites: [{ verdict: 'rare', occurrences: { 'twenty-pieces-live': { runs: 100, met: 0, verdict: 'rare' } } }],
  });
  expect(campaign.out).toMatch(/# in 0 of 100 runs: Twenty pieces live\.\n +not ok \d+ twenty-pieces-live\n/);
});

/** The verdict of the first look that has one, when the test is looked at after every run. */
function firstVerdict(random: Random, chance: number, share: number, most: number): string {
  let met = 0;
  for (let runs = 1; runs <= most; runs++) {
    if (random.chance(chance)) met++;
    const verdict = judgeFrequency({ runs, met }, share);
    if (verdict !== 'undecided') return verdict;
  }
  return 'undecided';
}

test('in a thousand campaigns that look after every run there is no false alarm, and what is rare is noticed', () => {
  const random = new Random('alarms');
  for (let campaign = 0; campaign < 1_000; campaign++) {
    const share = random.pick([0.02, 0.1, 0.5]);
    expect(firstVerdict(random, share, share, 500)).not.toBe('rare');
    if (campaign % 20 === 0) expect(firstVerdict(random, share / 3, share, 20_000)).toBe('rare');
  }
});
