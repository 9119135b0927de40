import { expect, test } from 'vitest';
import { enumerate } from '../../src/engine/enumerate.ts';
import { performTrace } from '../../src/engine/perform.ts';
import { Session } from '../../src/engine/session.ts';
import { progPackSuite } from '../../src/lab/suites/prog-pack.ts';
import type { Step } from '../../src/language/trace.ts';
import { leakAfterCycles, staleHole, twoPlainPieces } from './toy/faults.ts';
import { smallToy } from './toy/small.ts';

test('the number of traces is what counting by hand gives', () => {
  // One step: four allocations. Two: four more, and write, seal and free of the piece, after each of the four.
  expect(enumerate(smallToy(), { kernel: 'toy', steps: 1 })).toMatchObject({ traces: 4, isComplete: true });
  expect(enumerate(smallToy(), { kernel: 'toy', steps: 2 }).traces).toBe(4 + 4 * (4 + 3));
  // With one piece only: write, seal, free; after write the same three, after seal only unseal, after free nothing.
  expect(enumerate(smallToy(), { kernel: 'toy', steps: 3, results: 1 }).traces).toBe(4 + 4 * 3 + 4 * (3 + 1));
});

test('the number of states is what counting by hand gives', () => {
  // The fresh one and one for each allocation; then each ordered pair of allocations and each piece sealed.
  expect(enumerate(smallToy(), { kernel: 'toy', steps: 0 }).states).toBe(1);
  expect(enumerate(smallToy(), { kernel: 'toy', steps: 1 }).states).toBe(1 + 4);
  expect(enumerate(smallToy(), { kernel: 'toy', steps: 2 }).states).toBe(1 + 4 + 4 * 4 + 4);
});

test('walking by undoing meets the states that performing each trace from the fresh state meets', () => {
  const suite = smallToy();
  const session = new Session(suite, { kernel: 'toy' });
  const states = new Set<string>();
  const extend = (steps: readonly Step[]): void => {
    session.reset();
    for (const step of steps) expect(session.perform(step)).toBe('ok');
    states.add(JSON.stringify(suite.observe!(session.world)));
    if (steps.length === 3) return;
    const live = [...session.pool.live('piece')];
    for (const operation of suite.operations) {
      for (const args of combinations(operation.takes as Takes, live)) {
        const step = { operation, args, made: operation.makes === undefined ? [] : [steps.length] };
        session.reset();
        for (const earlier of steps) session.perform(earlier);
        if (session.perform(step) === 'ok') extend([...steps, step]);
      }
    }
  };
  extend([]);
  expect(enumerate(suite, { kernel: 'toy', steps: 3 }).states).toBe(states.size);
});

test('no trace of a sound toy breaks a law', () => {
  const { failures, traces } = enumerate(smallToy(), { kernel: 'toy', steps: 4 });
  expect(failures).toEqual([]);
  expect(traces).toBeGreaterThan(1000);
});

test.each([
  { fault: leakAfterCycles(0, 1), shortest: 2 },
  { fault: twoPlainPieces(), shortest: 2 },
  { fault: leakAfterCycles(1, 1), shortest: 4 },
  { fault: staleHole(1, 1), shortest: 5 },
  { fault: leakAfterCycles(2, 1), shortest: 6, results: 1 },
])('$fault.name is found by its shortest trace', ({ fault, shortest, results = 3 }) => {
  const suite = smallToy({ faults: [fault] });
  const steps = Math.max(5, shortest);
  const { failures } = enumerate(suite, { kernel: 'toy', fault: fault.name, steps, results });
  expect(failures).toHaveLength(1);
  const [{ steps: found, violation }] = failures as [(typeof failures)[0]];
  expect(found).toHaveLength(shortest);
  expect(performTrace(suite, { header: { fault: fault.name }, steps: found })).toMatchObject({
    kind: 'violates',
    violation,
  });
});

test.each([
  'buffer-image-unshifted',
  'empty-pack-kept',
  'failed-allocation-stays-charged',
  'freed-buffer-freed-again',
  'released-pack-stays-listed',
  'size-read-in-pages',
])('of program packs, two steps with few values show %s', (fault) => {
  const law = progPackSuite.faults!.find(({ name }) => name === fault)!.breaks;
  const options = { kernel: '6.18', fault, steps: 2, values: 3, results: 2, first: true };
  const { failures } = enumerate(progPackSuite, options);
  expect(failures.map(({ violation }) => violation.law)).toContain(law);
});

test('a stop ends it early and is told', () => {
  const { isComplete, traces } = enumerate(smallToy(), { kernel: 'toy', steps: 8, stop: () => true });
  expect(isComplete).toBe(false);
  expect(traces).toBe(64);
});

type Takes = Readonly<Record<string, { readonly kind: string; few(draft: unknown): Iterable<unknown> }>>;

/** Written out again, so that the enumerator's own combining is held to something. */
function combinations(takes: Takes, live: readonly number[]): readonly Readonly<Record<string, unknown>>[] {
  const [first, ...rest] = Object.keys(takes);
  if (first === undefined) return [{}];
  const { [first]: argument, ...others } = takes;
  const values = argument!.kind === 'made' ? live : [...argument!.few(undefined)];
  expect(rest).toEqual(Object.keys(others));
  return values.flatMap((value) => combinations(others, live).map((args) => ({ [first]: value, ...args })));
}
