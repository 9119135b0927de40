import { expect, test } from 'vitest';
import { Journal } from '../../src/base/journal.ts';
import { certify } from '../../src/engine/certify.ts';
import { shrink } from '../../src/engine/shrink.ts';
import type { Trace } from '../../src/language/trace.ts';
import { failAtStep } from './toy/faults.ts';
import { longWalk } from './toy/run.ts';
import { toySuite } from './toy/suite.ts';
import { ToyWorld } from './toy/world.ts';

test('a failure after 150,000 steps shrinks to its six, though the journal has long forgotten the beginning', () => {
  const steps = longWalk('long', 200_000);
  const fault = failAtStep(2, steps, 150_000);
  const suite = toySuite({ faults: [fault], boot: () => new ToyWorld(new Journal(100_000)) });
  const trace: Trace = { header: { fault: fault.name }, steps };
  const { trace: shrunk, executions } = shrink(suite, trace);
  expect(shrunk.steps.length).toBe(6);
  expect(executions).toBeLessThan(60);
  expect(certify(suite, shrunk, { pairs: true }).isMinimal).toBe(true);
});
