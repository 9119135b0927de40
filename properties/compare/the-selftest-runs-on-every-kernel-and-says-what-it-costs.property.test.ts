import { expect, test } from 'vitest';
import { textSelftestSuite } from '../../src/lab/suites/text-selftest.ts';
import { profiles } from '../../src/model/kernel/profile.ts';
import { documentOf, roxcheck } from '../cli/in-process.ts';

const suites = [textSelftestSuite];

test('where no kernel is named, every one is tested and its costs are told by operation', async () => {
  const { exitCode, out } = await roxcheck('run text-selftest --runs 1 --steps 12 --seed costs', { suites });
  expect(exitCode).toBe(0);
  for (const kernel of profiles.keys())
    expect(out).toMatch(new RegExp(`^text-selftest +${kernel} +costs .* holds`, 'm'));
  expect(out).toMatch(
    /^ {2}text_alloc: [\d,]+ a second; \S+ flushes on all CPUs, \S+ on one, \S+ page-table splits, \S+ collapses each$/m,
  );
});

test('a named kernel is the only one', async () => {
  const run = await roxcheck('run text-selftest --kernel 6.18 --runs 6 --steps 60 --seed costs --json', { suites });
  const [suite, ...others] = documentOf(run).suites as readonly Record<
    string,
    Record<string, Record<string, number>>
  >[];
  expect(others).toEqual([]);
  // A module of 6.18 is made writable (two changes) and protected again, with a flush each.
  expect(suite!.counted!.text_alloc!['flushes on all CPUs']).toBeGreaterThan(1);
  expect(suite!.counted!.text_fill!['flushes on all CPUs']).toBe(0);
});
