import { invariant } from '../language/invariant.ts';
import { ProgramImage } from '../model/bpf/core-relocation/image.ts';
import { POISON_CALL } from '../model/bpf/core-relocation/patch.ts';
import type { CoreWorld } from '../model/bpf/core-relocation/world/core-world.ts';
import { objectAfter } from './core-relocation/step.ts';

/** Poison is harmless in dead code alone, which the verifier cuts out. */
export const loadedProgramsHoldNoPoison = invariant<CoreWorld>({
  name: 'loaded-programs-hold-no-poison',
  law: 'No program that the kernel accepted holds a poisoned instruction.',
  concerns: (_, happened) => (objectAfter(happened, 'loaded')?.state.loads.length ?? 0) > 0,
  judgeStep(_, happened, violated) {
    for (const { main, attempt } of objectAfter(happened, 'loaded')!.state.loads) {
      if (attempt.result.kind !== 'loaded') continue;
      const image = new ProgramImage(attempt.result.image);
      for (let index = 0; index < image.length; index++)
        if (image.immediate(index) === POISON_CALL) violated(`${main} is loaded with poison at ${index}`);
    }
  },
});
