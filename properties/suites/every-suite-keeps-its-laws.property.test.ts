import { describe, expect, test } from 'vitest';
import { type Checked, checkLaws } from '../../src/engine/check-laws.ts';
import { allSuites } from '../../src/lab/suites/all.ts';
import { Table } from '../../src/report/table.ts';

/**
 * The suites as properties of fast-check: a failure prints its seed and path, which reproduce it, and the minimal trace as
 * trace text. Each has a share of its suite's budget here; `npx roxcheck run` spends the whole one.
 */
describe.each(allSuites.map((suite) => ({ suite, name: suite.name })))('$name', ({ suite }) => {
  test.each([...suite.kernels])('on %s', (kernel) => {
    const isDefault = kernel === suite.kernels[0];
    const checked = checkLaws(suite, { kernel, runs: isDefault ? 8 : 2, steps: 50, seed: 20260101 });
    if (isDefault) console.log(counts(`${suite.name} on ${kernel}`, checked));
    const { failed, seed, counterexamplePath, counterexample } = checked.details;
    expect(failed, `seed ${seed}, path ${counterexamplePath}: ${String(counterexample)}`).toBe(false);
    expect([...checked.operations.values()].some(({ ok }) => ok > 0)).toBe(true);
  });
});

/** What fc.statistics would show: how often each operation succeeded and was refused, and each law was judged. */
function counts(title: string, { operations, judged }: Checked): string {
  const rows = [
    ...[...operations].map(([name, { ok, refused }]) => [name, `${ok} ok`, `${refused} refused`]),
    ...[...judged].map(([name, count]) => [name, `${count} judged`]),
  ];
  const widest = rows.map(([name]) => name!);
  const table = new Table([
    { title, widest },
    { title: '', align: 'right', widest: ['1000000 judged'] },
    { title: '' },
  ]);
  return [table.head(), ...rows.map((row) => table.row(row))].join('\n');
}
