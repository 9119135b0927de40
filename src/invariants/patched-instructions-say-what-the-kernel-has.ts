import { invariant } from '../language/invariant.ts';
import type { CoreWorld } from '../model/bpf/core-relocation/world/core-world.ts';
import { found, sayOutcome, sayPiece } from './core-relocation/evidence.ts';
import { type Outcome, outcomeOf } from './core-relocation/outcome.ts';
import { relocatedCode } from './core-relocation/relocated-code.ts';
import { sideOf } from './core-relocation/side.ts';

/** Whatever way a program took into the kernel, each answer in it is that of the kernel's types, or one no verifier lets through. */
export const patchedInstructionsSayWhatTheKernelHas = invariant<CoreWorld>({
  name: 'patched-instructions-say-what-the-kernel-has',
  law: 'After relocation each instruction with a record holds the answer of the kernel’s types, and is poisoned where there is none.',
  concerns: (_, happened) => [...relocatedCode(happened)].some(({ pieces }) => pieces.length > 0),
  judgeStep(world, happened, violated) {
    for (const { object, name, bytes, pieces } of relocatedCode(happened)) {
      const side = sideOf(world, object);
      for (const { piece, index } of pieces) {
        const wanted = outcomeOf(piece, object, side);
        if (wanted.kind !== 'holds' && wanted.kind !== 'poisoned') continue;
        const actual = found(bytes, index);
        if (same(wanted, actual)) continue;
        const where = `${name}+${index}`;
        violated(
          `${where}: ${sayPiece(piece)} should be ${sayOutcome(wanted)}, the ${side.who} made it ${sayOutcome(actual)}`,
        );
      }
    }
  },
});

function same(wanted: Outcome, actual: Outcome): boolean {
  if (wanted.kind !== 'holds' || actual.kind !== 'holds') return wanted.kind === actual.kind;
  return wanted.value === actual.value && (wanted.bytes === undefined || wanted.bytes === actual.bytes);
}
