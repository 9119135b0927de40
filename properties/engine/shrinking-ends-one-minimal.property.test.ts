import { expect, test } from 'vitest';
import { certify } from '../../src/engine/certify.ts';
import { isSimpler } from '../../src/engine/order.ts';
import { performTrace } from '../../src/engine/perform.ts';
import { shrink } from '../../src/engine/shrink.ts';
import { stepText } from '../../src/engine/step-text.ts';
import { leakAfterCycles, staleHole } from './toy/faults.ts';
import { failingTrace } from './toy/run.ts';
import { toySuite } from './toy/suite.ts';

/** Known shortest failing traces, by construction of the faults. */
const minima = [
  { fault: leakAfterCycles(0, 60_000), steps: 2 },
  { fault: leakAfterCycles(1, 60_000), steps: 4 },
  { fault: leakAfterCycles(2, 50_000), steps: 6 },
  { fault: staleHole(1, 50_000), steps: 5 },
  { fault: staleHole(2, 50_000), steps: 7 },
];

test.each(minima)(
  '$fault.name is shrunk to its $steps steps, and no step, pair or argument can go',
  ({ fault, steps }) => {
    const suite = toySuite({ faults: [fault] });
    const executions: number[] = [];
    for (let number = 0; number < 25; number++) {
      const { trace, violation } = failingTrace(`minimal ${number}`, { steps: 200, fault: fault.name, suite });
      const shrunk = shrink(suite, trace);
      executions.push(shrunk.executions);
      expect(shrunk.trace.steps.length).toBe(steps);
      expect(certify(suite, shrunk.trace, { pairs: true })).toMatchObject({ isMinimal: true });
      expect(shrunk.violation).toMatchObject({ law: violation.law, operation: violation.operation });
      const again = performTrace(suite, shrunk.trace);
      expect(again).toEqual({ kind: 'violates', violation: shrunk.violation, skipped: [] });
      if (trace.steps.length > steps) expect(isSimpler(shrunk.trace.steps, trace.steps)).toBe(true);
    }
    expect(median(executions)).toBeLessThan(steps === 7 ? 130 : 70);
  },
);

test('a shrunk trace is left as it is', () => {
  const fault = staleHole(2, 50_000);
  const suite = toySuite({ faults: [fault] });
  const { trace } = failingTrace('fixed point', { steps: 200, fault: fault.name, suite });
  const once = shrink(suite, trace);
  const twice = shrink(suite, once.trace);
  expect(twice.executions).toBe(0);
  expect(twice.trace.steps.map(stepText)).toEqual(once.trace.steps.map(stepText));
});

test('a certificate is refused to a trace with a step, a pair or a value too much', () => {
  const fault = leakAfterCycles(0, 60_000);
  const suite = toySuite({ faults: [fault] });
  const { trace } = failingTrace('too much', { steps: 50, fault: fault.name, suite });
  const { steps } = shrink(suite, trace).trace;
  const [alloc, free] = [steps[0]!, steps[1]!];
  const longer = { ...trace, steps: [alloc, { ...alloc, made: [7] }, free] };
  expect(certify(suite, longer).counterexample?.change).toMatch('without step 1');
  const bigger = { ...trace, steps: [{ ...alloc, args: { ...alloc.args, length: 2 } }, free] };
  expect(certify(suite, bigger).counterexample?.change).toBe('step 0 with length 1');
});

function median(numbers: readonly number[]): number {
  return [...numbers].sort((one, other) => one - other)[numbers.length >> 1]!;
}
