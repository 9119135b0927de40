import { invariant } from '../language/invariant.ts';
import type { CoreWorld } from '../model/bpf/core-relocation/world/core-world.ts';
import { sayPiece } from './core-relocation/evidence.ts';
import { refusalCases } from './core-relocation/expected-refusal.ts';

/** A guess would be a program that reads the wrong memory: two answers, or a question that has none, end the load. */
export const unanswerableRecordsRefuse = invariant<CoreWorld>({
  name: 'unanswerable-records-refuse',
  law: 'An object or a load with a record that cannot be answered, or that has two answers, is refused.',
  concerns: (world, happened) => [...refusalCases(world, happened)].some(({ reasons }) => reasons.length > 0),
  judgeStep(world, happened, violated) {
    for (const { what, refused, reasons } of refusalCases(world, happened)) {
      const [first] = reasons;
      if (refused === undefined && first !== undefined) violated(`${what} went on with ${sayPiece(first.piece)}`);
    }
  },
});
