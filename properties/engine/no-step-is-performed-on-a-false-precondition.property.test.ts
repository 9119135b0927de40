import { expect, test } from 'vitest';
import { Session } from '../../src/engine/session.ts';
import type { AnyOperation } from '../../src/language/operation.ts';
import { walk } from './toy/run.ts';
import { toySuite } from './toy/suite.ts';
import { MOST_PIECES, type Piece, type ToyWorld } from './toy/world.ts';

/** The toy whose operations check for themselves what `ready` should have made sure of. */
function suspicious(): ReturnType<typeof toySuite> {
  const suite = toySuite();
  const check = (operation: AnyOperation, world: ToyWorld, piece: Piece | undefined) => {
    if (operation.name === 'alloc') expect(world.pieces.length).toBeLessThan(MOST_PIECES);
    else {
      expect(world.pieces).toContain(piece);
      expect(piece!.sealed).toBe(operation.name === 'unseal');
    }
  };
  const operations = suite.operations.map((operation) => ({
    ...operation,
    apply(world: ToyWorld, taken: { readonly piece?: Piece }) {
      check(operation, world, taken.piece);
      return operation.apply(world, taken);
    },
  }));
  return { ...suite, operations };
}

test('every generated step made sense when it was performed', () => {
  for (let number = 0; number < 25; number++) {
    expect(walk(`strict ${number}`, { steps: 200, suite: suspicious() }).steps.length).toBeGreaterThan(0);
  }
});

test('every generated trace performs again without a step left out', () => {
  const session = new Session(toySuite(), { kernel: 'toy' });
  for (let number = 0; number < 60; number++) {
    session.reset();
    for (const step of walk(`again ${number}`).steps) expect(session.perform(step)).toBe('ok');
  }
});

test('a trace is as long as it was meant to be: nothing gets stuck in a corner', () => {
  const lengths = Array.from({ length: 200 }, (_, number) => walk(`long ${number}`, { steps: 100 }).steps.length);
  expect(lengths.filter((length) => length === 100).length).toBeGreaterThan(120);
  expect(Math.min(...lengths)).toBeLessThan(12);
});
