import fc from 'fast-check';
import { expect, test } from 'vitest';
import { traceArbitrary } from '../../src/engine/arbitrary.ts';
import { isSimpler } from '../../src/engine/order.ts';
import { stepText } from '../../src/engine/step-text.ts';
import { toySuite } from './toy/suite.ts';

const traces = traceArbitrary(toySuite(), { steps: 4 });

test('no trace is simpler than itself, nor two than each other, and simpler than simpler is simpler', () => {
  fc.assert(
    fc.property(traces, traces, traces, ({ steps: one }, { steps: other }, { steps: third }) => {
      expect(isSimpler(one, one)).toBe(false);
      expect(isSimpler(one, other) && isSimpler(other, one)).toBe(false);
      if (isSimpler(one, other) && isSimpler(other, third)) expect(isSimpler(one, third)).toBe(true);
    }),
    { seed: 5, numRuns: 600 },
  );
});

test('whatever the shrinker proposes to fast-check is simpler than what it came from, and performs', () => {
  const longer = traceArbitrary(toySuite(), { steps: 12 });
  fc.assert(
    fc.property(longer, (trace) => {
      const texts = new Set<string>();
      for (const { value } of longer.shrink(trace, undefined)) {
        expect(isSimpler(value.steps, trace.steps)).toBe(true);
        texts.add(value.steps.map(stepText).join('\n'));
      }
      if (trace.steps.length > 1) expect(texts.size).toBeGreaterThan(0);
    }),
    { seed: 5, numRuns: 20 },
  );
});
