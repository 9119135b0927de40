/** Code that a step has just relocated, with the records that were to be applied to it. */
import type { Happened } from '../../language/invariant.ts';
import type { CoreObject } from '../../model/bpf/core-relocation/world/core-object.ts';
import { assembled, type PlacedPiece, recordedPieces, relocatedFunctions } from './assembled.ts';
import { objectAfter } from './step.ts';

export interface RelocatedCode {
  readonly object: CoreObject;
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly pieces: readonly PlacedPiece[];
}

/** Functions that libbpf patched, whole programs that it assembled of them, and programs as the kernel relocated them. */
export function* relocatedCode(happened: Happened): Generator<RelocatedCode> {
  const after = objectAfter(happened, 'passed', 'linked', 'loaded');
  if (after === undefined) return;
  const { object, state } = after;
  const early = object.loading === 'direct';
  if (state.kind === 'passed' && early) {
    for (const source of relocatedFunctions(object)) {
      const program = state.object.programs.find(({ name }) => name === source.name);
      if (program === undefined) continue;
      yield { object, name: source.name, bytes: program.instructions, pieces: recordedPieces(source) };
    }
  }
  if (state.kind === 'linked' && early)
    for (const { main, image } of state.linked)
      yield { object, name: main.name, bytes: image, pieces: assembled(object, main.name).pieces };
  if (state.kind === 'loaded' && !early)
    for (const { main, attempt } of state.loads)
      if (attempt.stage === 'verifier')
        yield { object, name: main, bytes: attempt.image, pieces: assembled(object, main).pieces };
}
