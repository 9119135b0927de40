import { invariant } from '../language/invariant.ts';
import type { CoreWorld } from '../model/bpf/core-relocation/world/core-world.ts';
import { objectAfter } from './core-relocation/step.ts';

/** The generator has one list for all programs, emptied after each. */
export const programsAreGivenTheirOwnRecords = invariant<CoreWorld>({
  name: 'programs-are-given-their-own-records',
  law: 'A loader passes each program its own records, in bytes from the start of its image, and none of another program.',
  concerns: (_, happened) => objectAfter(happened, 'loaded')?.object.loading === 'light-skeleton',
  judgeStep(_, happened, violated) {
    const { linked, loads } = objectAfter(happened, 'loaded')!.state;
    for (const [position, { main, records }] of loads.entries()) {
      const own = linked[position]!.relocations.filter(({ kind }) => kind === 'core').map(({ index }) => 8 * index);
      const given = records.map(({ instructionOffset }) => instructionOffset);
      if (given.join() !== own.join()) violated(`${main} has records at [${own}] and is given [${given}]`);
    }
  },
});
