import { expect, test } from 'vitest';
import { shrink } from '../../src/engine/shrink.ts';
import { leakAfterCycles, leakOfPlainPieces, together, twoPlainPieces } from './toy/faults.ts';
import { failingTrace } from './toy/run.ts';
import { toySuite } from './toy/suite.ts';

test('another bug where values are driven to does not take over: a failure at free ends as a failure at free', () => {
  const fault = together(leakAfterCycles(2, 50_000), twoPlainPieces());
  const suite = toySuite({ faults: [fault] });
  const met = new Map<string, number>();
  for (let number = 0; number < 60; number++) {
    const { trace, violation } = failingTrace(`two bugs ${number}`, { steps: 150, fault: fault.name, suite });
    const shrunk = shrink(suite, trace);
    const operation = violation.operation!;
    met.set(operation, (met.get(operation) ?? 0) + 1);
    expect(shrunk.violation).toMatchObject({ law: violation.law, operation });
    expect(shrunk.trace.steps.length).toBe(operation === 'free' ? 6 : 2);
    expect(shrunk.trace.steps.at(-1)!.operation.name).toBe(operation);
  }
  expect(met.get('free')).toBeGreaterThan(5);
});

test('nor does one at the same operation that changes another kind of state', () => {
  const fault = together(leakAfterCycles(2, 50_000), leakOfPlainPieces());
  const suite = toySuite({ faults: [fault] });
  const lengths = { 'a piece too': new Set<number>(), 'no piece': new Set<number>() };
  for (let number = 0; number < 60; number++) {
    const { trace, violation } = failingTrace(`two at free ${number}`, { steps: 150, fault: fault.name, suite });
    const touchesPiece = violation.changed.includes('Piece');
    const shrunk = shrink(suite, trace);
    expect(violation.changed).toEqual(expect.arrayContaining([...shrunk.violation.changed]));
    lengths[touchesPiece ? 'a piece too' : 'no piece'].add(shrunk.trace.steps.length);
  }
  expect(lengths).toEqual({ 'a piece too': new Set([2]), 'no piece': new Set([6]) });
});
