import { expect, test } from 'vitest';
import { runSuite } from '../../src/engine/run.ts';
import { shrink } from '../../src/engine/shrink.ts';
import { arenaSuites } from '../../src/lab/suites/arena.ts';

const MOST_STEPS = 8;
const planted = arenaSuites.flatMap((suite) =>
  (suite.faults ?? []).map((fault) => ({ suite, fault, name: fault.name })),
);

test('there are faults enough', () => {
  expect(planted.length).toBeGreaterThanOrEqual(20);
});

test.each(planted)('$name is caught by its law and shrinks to a few steps', async ({ suite, fault }) => {
  const { kernel, name } = fault;
  const { runs, steps } = suite;
  const report = await runSuite(suite, { kernel, seed: 'faults', runs, steps, machine: {}, fault: name });
  const { failure } = report;
  expect(report.verdict).toBe('violates');
  expect([fault.breaks, ...(fault.alsoBreaks ?? [])]).toContain(failure?.violation.law);
  const { trace } = shrink(suite, failure!.trace, { kernel, machine: {}, fault: name });
  expect(trace.steps.length).toBeLessThanOrEqual(MOST_STEPS);
});
