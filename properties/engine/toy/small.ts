import { integer } from '../../../src/language/argument.ts';
import type { Suite } from '../../../src/language/suite.ts';
import { toyOperations } from './operations.ts';
import { toySuite } from './suite.ts';
import type { ToyWorld } from './world.ts';

/** The toy with two lengths, two tags and one value: small enough to perform every short trace. */
export function smallToy(changes: Partial<Suite<ToyWorld>> = {}): Suite<ToyWorld> {
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
