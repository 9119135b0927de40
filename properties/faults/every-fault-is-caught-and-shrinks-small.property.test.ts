import { afterAll, describe, expect, test } from 'vitest';
import { runSuite } from '../../src/engine/run.ts';
import { shrink } from '../../src/engine/shrink.ts';
import type { Failure } from '../../src/engine/verdict.ts';
import { allSuites } from '../../src/lab/suites/all.ts';
import { printTrace } from '../../src/language/trace-text/print.ts';

/** The most steps that a planted bug's minimal trace may have. */
const SMALL = 8;
const SEEDS = ['caught', 'caught again', 'caught once more'] as const;

/**
 * Of this many planted bugs one is looked for from scratch here. Each of them is seen to be caught in corpus/, whose traces are
 * all replayed, and `roxcheck score` looks for them all.
 */
const EVERY = 3;

const planted = allSuites
  .flatMap((suite) =>
    (suite.faults ?? [])
      .filter((fault) => fault.suite === suite.name)
      .map((fault) => ({ name: fault.name, suite, fault })),
  )
  .filter((_, index) => index % EVERY === 0);

const lengths = new Map<string, number>();

afterAll(() => {
  const counted = [...lengths.values()].toSorted((left, right) => left - right);
  console.log(`${counted.length} faults; steps of their minimal traces: ${counted.join(' ')}`);
});

describe.each(planted)('$name', ({ name, suite, fault }) => {
  let failure: Failure | undefined;

  test('its law catches it within the budget of its suite', async () => {
    const { kernel } = fault;
    const { runs, steps } = suite;
    const report = await runSuite(suite, { kernel, machine: {}, seed: SEEDS[0], runs, steps, fault: name });
    failure = report.failure;
    expect(report.verdict, report.reason).toBe('violates');
    expect([fault.breaks, ...(fault.alsoBreaks ?? [])]).toContain(failure!.violation.law);
  });

  test(`its trace shrinks to at most ${SMALL} steps`, async () => {
    expect(failure, 'it was not caught').toBeDefined();
    let { trace } = shrink(suite, failure!.trace);
    // Minimal is not shortest: no step of a trace may be spared where another trace needs fewer. Then another run decides.
    for (const seed of SEEDS.slice(1)) {
      if (trace.steps.length <= SMALL) break;
      const { kernel } = fault;
      const { runs, steps } = suite;
      const other = await runSuite(suite, { kernel, machine: {}, seed, runs, steps, fault: name });
      if (other.failure !== undefined) ({ trace } = shrink(suite, other.failure.trace));
    }
    lengths.set(name, trace.steps.length);
    expect(trace.steps.length, printTrace(trace)).toBeLessThanOrEqual(SMALL);
  });
});

test('each fault names a suite and a kernel that it can run on', () => {
  for (const suite of allSuites) {
    for (const fault of suite.faults ?? []) {
      const home = allSuites.find(({ name }) => name === fault.suite);
      expect(home?.faults, `${fault.name} belongs to ${fault.suite}`).toContain(fault);
      expect(home?.kernels).toContain(fault.kernel);
      const laws = home?.invariants.map(({ name }) => name);
      expect(laws, `${fault.name} breaks a law of its suite`).toContain(fault.breaks);
    }
  }
});
