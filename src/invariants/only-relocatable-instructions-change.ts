import { invariant } from '../language/invariant.ts';
import type { CoreWorld } from '../model/bpf/core-relocation/world/core-world.ts';
import { found, sayPiece } from './core-relocation/evidence.ts';
import { relocatedCode } from './core-relocation/relocated-code.ts';

/** An exit that becomes a call lets one function run on into the next. */
export const onlyRelocatableInstructionsChange = invariant<CoreWorld>({
  name: 'only-relocatable-instructions-change',
  law: 'Relocation never replaces an instruction whose form holds no answer, not even to poison it.',
  concerns: (_, happened) => [...relocatedCode(happened)].some(({ pieces }) => pieces.length > 0),
  judgeStep(_, happened, violated) {
    for (const { name, bytes, pieces } of relocatedCode(happened)) {
      for (const { piece, index } of pieces) {
        const fixed = piece.kind === 'question' && ['register', 'exit', 'cut'].includes(piece.form);
        if (fixed && found(bytes, index).kind === 'poisoned')
          violated(`${name}+${index}: ${sayPiece(piece)} is replaced`);
      }
    }
  },
});
