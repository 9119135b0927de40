import { expect, test } from 'vitest';
import { performTrials } from '../../src/engine/campaign/trial.ts';
import { MutantNursery } from '../../src/engine/mutants.ts';
import { Session } from '../../src/engine/session.ts';
import { shelf } from '../cli/toy-suites.ts';
import { toySuite } from '../engine/toy/suite.ts';
import { ToyWorld } from '../engine/toy/world.ts';

const suite = toySuite({ faults: [] });

test('every method that operations call is a place for each mistake that fits it', () => {
  const names = new MutantNursery(shelf, 'new').mutants.map(({ name }) => name);
  expect(names).toEqual([
    'Shelf.take: first number one more',
    'Shelf.take: first number one less',
    'Shelf.take: call skipped',
  ]);
  expect(new MutantNursery(suite, 'toy').mutants).toEqual(new MutantNursery(suite, 'toy').mutants);
});

test('laws and whoever else asks see the world as it is, and nothing of a mutant stays behind', async () => {
  const before = Object.getOwnPropertyDescriptors(ToyWorld.prototype);
  const nursery = new MutantNursery(suite, 'toy');
  const mutant = nursery.mutants.find(({ name }) => name === 'ToyWorld.isTaken: answer negated')!;
  expect(mutant).toBeDefined();
  const session = new Session(suite, { kernel: 'toy' });
  await nursery.with(mutant, async (prepare) => {
    prepare(session as unknown as Session);
    expect(session.world.isTaken(0)).toBe(false);
    expect(session.judgeEverything()).toEqual([]);
  });
  expect(Object.getOwnPropertyDescriptors(ToyWorld.prototype)).toEqual(before);
});

test('a mutant is planted, found and shrunk like a fault; a faultless suite survives', async () => {
  const nursery = new MutantNursery(shelf, 'new');
  const [, , skipped] = nursery.mutants;
  const trials = { kernel: 'new', seeds: ['a', 'b'], steps: 400 };
  const breathe = () => undefined;
  expect(await performTrials(shelf, trials, breathe)).toEqual([{ kind: 'survived' }, { kind: 'survived' }]);
  // The shelf's own count is wrong then, and its law has only that count to go by.
  const results = await nursery.with(skipped!, (prepare) => performTrials(shelf, { ...trials, prepare }, breathe));
  expect(results).toEqual([{ kind: 'survived' }, { kind: 'survived' }]);
  const found = await performTrials(shelf, { ...trials, fault: 'room-forgotten' }, breathe);
  for (const result of found) expect(result).toMatchObject({ kind: 'solved', law: 'within-room' });
});
