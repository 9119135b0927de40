import type { Fault } from '../../../src/language/fault.ts';
import { type Suite, suite } from '../../../src/language/suite.ts';
import { leakAfterCycles, staleHole, together, twoPlainPieces } from './faults.ts';
import { livePiecesAreTaken, takenChunksAreOwned, writingKeepsChunks } from './laws.ts';
import { toyOperations } from './operations.ts';
import { ToyWorld } from './world.ts';

/** The toy as a suite, with other faults or other laws where a test wants them. */
export function toySuite(changes: Partial<Suite<ToyWorld>> = {}): Suite<ToyWorld> {
  return suite({
    name: 'toy',
    about: 'A chunk allocator whose failing traces have known minima.',
    kernels: ['toy'],
    boot: () => new ToyWorld(),
    operations: Object.values(toyOperations),
    observe: ({ bitmap, pieces }) => [
      ...bitmap,
      ...[...pieces]
        .sort((one, other) => one.start - other.start)
        .flatMap(({ start, length, tag, value, sealed, cycles }) => [
          start,
          length,
          tag,
          value,
          Number(sealed),
          cycles,
        ]),
    ],
    invariants: [takenChunksAreOwned, livePiecesAreTaken, writingKeepsChunks],
    faults: toyFaults,
    runs: 100,
    steps: 200,
    ...changes,
  });
}

const toyFaults: readonly Fault<ToyWorld>[] = [
  leakAfterCycles(0, 60_000),
  leakAfterCycles(1, 60_000),
  leakAfterCycles(2, 60_000),
  staleHole(1, 50_000),
  staleHole(2, 50_000),
  together(leakAfterCycles(2, 60_000), twoPlainPieces()),
];
