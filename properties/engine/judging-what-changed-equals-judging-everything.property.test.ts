import { expect, test } from 'vitest';
import { firstOversight } from '../../src/engine/self-check.ts';
import type { Fault } from '../../src/language/fault.ts';
import { livePiecesAreTaken } from './toy/laws.ts';
import { toySuite } from './toy/suite.ts';
import type { ToyWorld } from './toy/world.ts';

const options = { kernel: 'toy', seed: 'everything', runs: 60, steps: 100 };

/** Writing to a piece frees its first chunk: the item law over pieces sees it, since the piece is what changed. */
const writeFreesAChunk: Fault<ToyWorld> = {
  name: 'write-frees-a-chunk',
  story: 'A write clears the first bit of the piece.',
  breaks: 'live-pieces-are-taken',
  kernel: 'toy',
  suite: 'toy',
  source: 'made up',
  plant(world) {
    const write = world.write.bind(world);
    world.write = (piece, value) => {
      write(piece, value);
      world.mark(piece.start, 1, false);
    };
  },
};

test('on the toy nothing is overlooked, with and without faults', () => {
  expect(firstOversight(toySuite(), options)).toBeUndefined();
  for (const { name } of toySuite().faults!) {
    expect(firstOversight(toySuite(), { ...options, fault: name })).toBeUndefined();
  }
  const suite = toySuite({ faults: [writeFreesAChunk] });
  expect(firstOversight(suite, { ...options, fault: writeFreesAChunk.name })).toBeUndefined();
});

test('a domain that overlooks what a step changed is found', () => {
  const blind = { ...livePiecesAreTaken, over: { ...livePiecesAreTaken.over, changed: () => [] } };
  const suite = toySuite({ invariants: [blind], faults: [writeFreesAChunk] });
  const oversight = firstOversight(suite, { ...options, fault: writeFreesAChunk.name });
  expect(oversight?.law).toBe('live-pieces-are-taken');
  expect(oversight?.missedBy).toBe('judging what changed');
  expect(oversight?.steps.at(-1)?.operation.name).toBe('write');
});
