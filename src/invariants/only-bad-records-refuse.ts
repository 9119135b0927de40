import { invariant } from '../language/invariant.ts';
import type { CoreWorld } from '../model/bpf/core-relocation/world/core-world.ts';
import { refusalCases } from './core-relocation/expected-refusal.ts';

/** Programs that other kernels and other compilers made perfectly well must not fail because of how records are kept. */
export const onlyBadRecordsRefuse = invariant<CoreWorld>({
  name: 'only-bad-records-refuse',
  law: 'Relocation refuses an object or a load only for a record in it that cannot be answered.',
  concerns: (world, happened) => [...refusalCases(world, happened)].length > 0,
  judgeStep(world, happened, violated) {
    for (const { what, refused, reasons, open } of refusalCases(world, happened))
      if (refused !== undefined && reasons.length === 0 && !open) violated(`${what} was refused: ${refused}`);
  },
});
