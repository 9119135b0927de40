import { expect, test } from 'vitest';
import { enumerate } from '../../src/engine/enumerate.ts';
import { performTrace } from '../../src/engine/perform.ts';
import { integer } from '../../src/language/argument.ts';
import type { Suite } from '../../src/language/suite.ts';
import { leakAfterCycles, staleHole } from './toy/faults.ts';
import { toyOperations } from './toy/operations.ts';
import { toySuite } from './toy/suite.ts';
import type { ToyWorld } from './toy/world.ts';

/** The toy with two lengths, two tags and one value. */
function smallToy(changes: Partial<Suite<ToyWorld>> = {}): Suite<ToyWorld> {
  const { alloc, write, seal, unseal, free } = toyOperations;
  const length = integer({ min: 1, max: 2 });
  const tag = integer({ min: 0, max: 1 });
  const value = integer({ min: 0, max: 0 });
  const operations = [
    { ...alloc, takes: { length, tag } },
    { ...write, takes: { ...write.takes, value } },
    seal,
    unseal,
    free,
  ];
  return toySuite({ operations, ...changes });
}

test('the number of traces is what counting by hand gives', () => {
  // One step: four allocations. Two: four more, and write, seal and free of the piece, after each of the four.
  expect(enumerate(smallToy(), { kernel: 'toy', steps: 1 })).toMatchObject({ traces: 4, isComplete: true });
  expect(enumerate(smallToy(), { kernel: 'toy', steps: 2 }).traces).toBe(4 + 4 * (4 + 3));
  // With one piece only: write, seal, free; after write the same three, after seal only unseal, after free nothing.
  expect(enumerate(smallToy(), { kernel: 'toy', steps: 3, results: 1 }).traces).toBe(4 + 4 * 3 + 4 * (3 + 1));
});

test('no trace of a sound toy breaks a law', () => {
  const { failures, traces } = enumerate(smallToy(), { kernel: 'toy', steps: 4 });
  expect(failures).toEqual([]);
  expect(traces).toBeGreaterThan(1000);
});

test.each([
  { fault: leakAfterCycles(0, 1), shortest: 2 },
  { fault: leakAfterCycles(1, 1), shortest: 4 },
  { fault: staleHole(1, 1), shortest: 5 },
])('$fault.name is found by its shortest trace', ({ fault, shortest }) => {
  const suite = smallToy({ faults: [fault] });
  const { failures } = enumerate(suite, { kernel: 'toy', fault: fault.name, steps: 5, results: 3 });
  expect(failures).toHaveLength(1);
  const [{ steps, violation }] = failures as [(typeof failures)[0]];
  expect(steps).toHaveLength(shortest);
  expect(performTrace(suite, { header: { fault: fault.name }, steps })).toMatchObject({ kind: 'violates', violation });
});

test('a stop ends it early and is told', () => {
  const { isComplete, traces } = enumerate(smallToy(), { kernel: 'toy', steps: 8, stop: () => true });
  expect(isComplete).toBe(false);
  expect(traces).toBe(1024);
});
