import { expect, test } from 'vitest';
import { ModelBug } from '../../src/base/assert.ts';
import { performTrace } from '../../src/engine/perform.ts';
import { runSuite } from '../../src/engine/run.ts';
import { made } from '../../src/language/argument.ts';
import { InputError } from '../../src/language/input-error.ts';
import { invariant } from '../../src/language/invariant.ts';
import { operation } from '../../src/language/operation.ts';
import { takenChunksAreOwned } from './toy/laws.ts';
import { toySuite } from './toy/suite.ts';
import type { Piece, ToyWorld } from './toy/world.ts';

const options = { kernel: 'toy', machine: {}, seed: 'bug', runs: 50, steps: 50 };

test('an operation that throws ends the run as our own mistake, with the step', async () => {
  const broken = operation({
    name: 'crash',
    does: 'Reads what is not there.',
    takes: { piece: made<Piece>('piece') },
    apply: () => (undefined as unknown as Piece).start,
  });
  const suite = toySuite({ operations: [...toySuite().operations, broken] });
  const report = await runSuite(suite, options);
  expect(report.verdict).toBe('model-bug');
  expect(report.failure).toBeUndefined();
  expect(report.reason).toMatch(/at step \d+: crash\(piece: #\d+\)/);
  expect(report.bug?.cause).toBeInstanceOf(TypeError);
});

test('a law that throws and a boot that throws are our own mistakes as well', async () => {
  const judge = () => {
    throw new RangeError('law out of its mind');
  };
  const law = invariant<ToyWorld>({ name: 'confused', law: 'Nothing is known.', judge });
  expect((await runSuite(toySuite({ invariants: [law] }), options)).reason).toContain('law out of its mind');
  const boot = () => {
    throw new RangeError('no memory');
  };
  expect((await runSuite(toySuite({ boot }), options)).verdict).toBe('model-bug');
});

test('a world that is broken from the start fails with an empty trace', async () => {
  const boot = () => {
    const world = toySuite().boot('toy', {});
    world.mark(3, 1, true);
    return world;
  };
  const { verdict, failure } = await runSuite(toySuite({ boot }), options);
  expect(verdict).toBe('violates');
  expect(failure?.trace.steps).toEqual([]);
  expect(failure?.violation).toMatchObject({ law: takenChunksAreOwned.name, step: -1, operation: undefined });
});

test('what the user asks for and the suite lacks is the user’s mistake, not ours', async () => {
  await expect(runSuite(toySuite(), { ...options, kernel: 'none' })).rejects.toThrow(InputError);
  await expect(runSuite(toySuite(), { ...options, fault: 'none' })).rejects.toThrow(InputError);
  const foreign = operation({ name: 'foreign', does: 'Belongs elsewhere.', takes: {}, apply: () => undefined });
  const trace = { header: {}, steps: [{ operation: foreign, args: {}, made: [] }] };
  expect(() => performTrace(toySuite(), trace)).toThrow(InputError);
});

test('an operation that returns too few results is caught', () => {
  const twins = operation({
    name: 'twins',
    does: 'Promises two pieces.',
    takes: {},
    makes: ['piece', 'piece'],
    apply: (world: ToyWorld) => [world.allocate(1, 0)],
  });
  const suite = toySuite({ operations: [twins] });
  const trace = { header: {}, steps: [{ operation: twins, args: {}, made: [0, 1] }] };
  expect(() => performTrace(suite, trace)).toThrow(ModelBug);
});
