import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Journal } from '../../src/base/journal.ts';
import { Pool } from '../../src/engine/pool.ts';
import { firstTrail } from '../../src/engine/self-check.ts';
import { Session } from '../../src/engine/session.ts';
import { integer, made } from '../../src/language/argument.ts';
import { operation } from '../../src/language/operation.ts';
import { stateOf, walk } from './toy/run.ts';
import { toySuite } from './toy/suite.ts';
import type { Piece, ToyWorld } from './toy/world.ts';

test('the toy stands after an undo as it stood before, at any step', () => {
  for (let number = 0; number < 40; number++) {
    const { steps } = walk(`undo ${number}`, { steps: 60 });
    const session = new Session(toySuite(), { kernel: 'toy' });
    const states = steps.map((step) => {
      const before = { state: stateOf(session.world), pool: poolOf(session.pool), position: session.position };
      session.perform(step);
      return before;
    });
    for (const [index, { state, pool, position }] of [...states.entries()].reverse()) {
      expect(session.undoTo(position, index)).toBe(true);
      expect(stateOf(session.world)).toEqual(state);
      expect(poolOf(session.pool)).toEqual(pool);
    }
  }
});

test.each([true, false])(
  'a pool takes back any mixture of making and ending, order of its lists included',
  (isUsedEnded) => {
    fc.assert(
      fc.property(fc.array(fc.nat(20), { maxLength: 900 }), fc.nat(900), (choices, cut) => {
        const journal = new Journal();
        const pool = new Pool([{ name: 'piece', index: 0, isUsedEnded }], journal);
        let [position, expected] = [journal.position, poolOf(pool)];
        for (const [index, choice] of choices.entries()) {
          if (index === cut) [position, expected] = [journal.position, poolOf(pool)];
          const live = pool.live('piece');
          if (choice < 11 || live.length === 0) pool.bind(index, 0, { index });
          else pool.end(live[choice % live.length]!, 0);
        }
        journal.undoTo(position);
        expect(poolOf(pool)).toEqual(expected);
      }),
      { seed: 1, numRuns: 150, examples: [[MAKE_AND_END.flat(), 520]] },
    );
  },
);

/** More results than a pool remembers when they have ended. */
const MAKE_AND_END = Array.from({ length: 300 }, () => [0, 20]);

test('the self-check of suites finds nothing in the toy', () => {
  const options = { kernel: 'toy', seed: 'trail', runs: 30, steps: 80 };
  expect(firstTrail(toySuite(), options)).toBeUndefined();
  expect(firstTrail(toySuite(), { ...options, fault: 'stale-hole-2' })).toBeUndefined();
});

test('the self-check of suites finds state that is not in the journal', () => {
  let writes = 0;
  const forgetful = operation({
    name: 'count',
    does: 'Counts outside of the journal.',
    takes: { piece: made<Piece>('piece'), by: integer({ min: 1, max: 3 }) },
    apply: (_world: ToyWorld, { by }) => (writes += by),
  });
  const suite = toySuite({ operations: [...toySuite().operations, forgetful] });
  const trail = firstTrail(suite, { kernel: 'toy', seed: 'trail', runs: 30, steps: 80 });
  expect(trail?.steps[trail.step]?.operation.name).toBe('count');
});

function poolOf(pool: Pool): unknown {
  const ids = { live: [...pool.live('piece')], ended: [...pool.ended('piece')] };
  const usable = Array.from({ length: 900 }, (_, id) => pool.isUsable(id, 'piece', 'any'));
  return { ...ids, usable, objects: [...ids.live, ...ids.ended].map((id) => pool.object(id)) };
}
