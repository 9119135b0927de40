import { expect, test } from 'vitest';
import { runSuite } from '../../src/engine/run.ts';
import { firstOversight, firstTrail } from '../../src/engine/self-check.ts';
import { arenaSuites } from '../../src/lab/suites/arena.ts';
import { arenaUseCases } from '../../src/lab/suites/arena-use-cases.ts';
import type { AnySuite } from '../../src/language/suite.ts';

const suites: readonly AnySuite[] = [...arenaSuites, ...arenaUseCases];

const everyKernel = suites.flatMap((suite) => suite.kernels.map((kernel) => ({ suite, kernel, name: suite.name })));

test.each(everyKernel)('$name holds on $kernel', async ({ suite, kernel }) => {
  const { verdict, failure, bug } = await runSuite(suite, { kernel, seed: 'held', runs: 20, steps: 120, machine: {} });
  expect({ verdict, violation: failure?.violation, bug }).toEqual({ verdict: 'holds' });
});

test.each(suites)('$name keeps its state in the journal, and its domains miss nothing', (suite) => {
  const options = { kernel: suite.kernels[0]!, seed: 'self', runs: 10, steps: 80 };
  expect(firstTrail(suite, options)).toBeUndefined();
  expect(firstOversight(suite, options)).toBeUndefined();
});
