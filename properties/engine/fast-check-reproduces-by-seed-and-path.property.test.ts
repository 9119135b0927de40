import fc from 'fast-check';
import { expect, test } from 'vitest';
import { traceArbitrary } from '../../src/engine/arbitrary.ts';
import { certify } from '../../src/engine/certify.ts';
import { checkLaws } from '../../src/engine/check-laws.ts';
import { stepText } from '../../src/engine/step-text.ts';
import { failingTrace } from './toy/run.ts';
import { toySuite } from './toy/suite.ts';

const options = { steps: 80, runs: 400, fault: 'leak-after-1-cycles', seed: 7 };

test('fast-check finds a fault, shrinks it to a minimal trace and finds it again by seed and path', () => {
  const { details, violation } = checkLaws(toySuite(), options);
  expect(details.failed).toBe(true);
  const [found] = details.counterexample!;
  expect(found.steps.length).toBe(4);
  expect(certify(toySuite(), found).isMinimal).toBe(true);
  expect(violation?.law).toBe('taken-chunks-are-owned');
  const again = checkLaws(toySuite(), { ...options, seed: details.seed, path: details.counterexamplePath! });
  expect(again.details.numShrinks).toBe(0);
  expect(again.details.counterexample![0].steps.map(stepText)).toEqual(found.steps.map(stepText));
});

test('the counterexample is printed as trace text', () => {
  const { details } = checkLaws(toySuite(), options);
  expect(fc.defaultReportMessage(details)).toContain('piece1 = alloc(length: 1, tag: 60000)\n');
});

test('without a fault all laws hold and the counts say what was done', () => {
  const { details, operations, judged } = checkLaws(toySuite(), { steps: 60, runs: 60, seed: 3 });
  expect(details.failed).toBe(false);
  for (const { ok } of operations.values()) expect(ok).toBeGreaterThan(60);
  for (const count of judged.values()) expect(count).toBeGreaterThan(60);
});

test('a property of the user’s own shrinks as well, also where the last step has nothing to do with it', () => {
  const sealsTwo = fc.property(traceArbitrary(toySuite(), { steps: 60 }), ({ steps }) => {
    return steps.filter(({ operation }) => operation.name === 'seal').length < 2;
  });
  const { counterexample } = fc.check(sealsTwo, { seed: 11, numRuns: 100 });
  const names = counterexample![0].steps.map(({ operation }) => operation.name);
  expect(names).toHaveLength(4);
  expect(names.filter((name) => name === 'seal')).toHaveLength(2);
});

test('a trace that was not generated here shrinks too', () => {
  const arbitrary = traceArbitrary(toySuite(), { fault: 'leak-after-0-cycles' });
  const { trace } = failingTrace('elsewhere', { steps: 60, fault: 'leak-after-0-cycles' });
  expect(arbitrary.canShrinkWithoutContext(trace)).toBe(true);
  expect(arbitrary.canShrinkWithoutContext({ steps: [{ operation: { name: 'other' } }] })).toBe(false);
  const [first] = arbitrary.shrink(trace, undefined);
  expect(first!.value.steps.length).toBeLessThan(trace.steps.length);
});
