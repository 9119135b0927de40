import { describe, expect, test } from 'vitest';
import { firstOversight, firstTrail } from '../../src/engine/self-check.ts';
import { allSuites } from '../../src/lab/suites/all.ts';

/** What the engine takes for granted about each suite: see src/engine/self-check.ts. */
describe.each(allSuites.map((suite) => ({ suite, name: suite.name })))('$name', ({ suite }) => {
  const options = { kernel: suite.kernels[0]!, seed: 'sound', runs: 3, steps: 40 };

  test('judging what a step changed finds what judging everything finds', () => {
    expect(firstOversight(suite, options)).toBeUndefined();
  });

  test('undoing is the identity, as far as any step can tell', () => {
    expect(firstTrail(suite, options)).toBeUndefined();
  });
});
