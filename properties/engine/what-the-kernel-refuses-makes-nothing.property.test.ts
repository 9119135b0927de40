import { expect, test } from 'vitest';
import { runSuite } from '../../src/engine/run.ts';
import { Session } from '../../src/engine/session.ts';
import { made } from '../../src/language/argument.ts';
import { operation, refuse } from '../../src/language/operation.ts';
import { toyOperations } from './toy/operations.ts';
import { toySuite } from './toy/suite.ts';
import type { Piece, ToyWorld } from './toy/world.ts';

/** As `alloc`, but it is the kernel that says no. */
const tryAlloc = operation({
  ...toyOperations.alloc,
  name: 'try-alloc',
  ready: () => true,
  apply: (world: ToyWorld, { length, tag }) =>
    world.pieces.length < 3 ? world.allocate(length, tag) : refuse('-ENOMEM'),
});

/** Frees whatever it is given; a piece that is gone already is refused. */
const freeAny = operation({
  name: 'free-any',
  does: 'Frees a piece, perhaps a second time.',
  takes: { piece: made<Piece>('piece', { life: 'any' }) },
  ends: 'piece',
  apply: (world: ToyWorld, { piece }) => (world.pieces.includes(piece) ? world.free(piece) : refuse('-EINVAL')),
});

const suite = toySuite({ operations: [tryAlloc, freeAny, toyOperations.write] });
const alloc = (id: number) => ({ operation: tryAlloc, args: { length: 1, tag: 0 }, made: [id] });
const free = (id: number) => ({ operation: freeAny, args: { piece: id }, made: [] });
const write = (id: number) => ({ operation: toyOperations.write, args: { piece: id, value: 1 }, made: [] });

test('a result that was refused is not there to be used', () => {
  const session = new Session(suite, { kernel: 'toy' });
  const outcomes = [alloc(0), alloc(1), alloc(2), alloc(3), write(3), write(2)].map((step) => session.perform(step));
  expect(outcomes).toEqual(['ok', 'ok', 'ok', 'refused', 'not-ready', 'ok']);
  expect(session.pool.live('piece')).toEqual([0, 1, 2]);
});

test('an ended result serves wrong uses, and only these', () => {
  const session = new Session(suite, { kernel: 'toy' });
  const outcomes = [alloc(0), free(0), write(0), free(0)].map((step) => session.perform(step));
  expect(outcomes).toEqual(['ok', 'ok', 'not-ready', 'refused']);
  expect(session.pool.ended('piece')).toEqual([0]);
});

test('runs count what was refused, wrong uses among it', async () => {
  const report = await runSuite(suite, { kernel: 'toy', machine: {}, seed: 'no', runs: 30, steps: 60 });
  expect(report.operations.get('try-alloc')!.refused).toBeGreaterThan(30);
  expect(report.operations.get('free-any')!.refused).toBeGreaterThan(30);
  expect(report.operations.get('write')!.refused).toBe(0);
});

test('several results are named and used one by one', () => {
  const twins = operation({
    name: 'twins',
    does: 'Makes two pieces at once.',
    takes: {},
    makes: ['piece', 'piece'],
    apply: (world: ToyWorld) => [world.allocate(1, 0), world.allocate(2, 0)],
  });
  const session = new Session(toySuite({ operations: [twins, freeAny] }), { kernel: 'toy' });
  expect(session.perform({ operation: twins, args: {}, made: [5, 9] })).toBe('ok');
  expect((session.pool.object(9) as Piece).length).toBe(2);
  expect(session.perform(free(9))).toBe('ok');
  expect(session.pool.live('piece')).toEqual([5]);
});
