/** Where everything of a program has to be once subprograms are appended: the layout that laws hold images and records against. */
import {
  type FunctionSource,
  functionSlots,
  type RecordedPiece,
  slotsOf,
} from '../../model/bpf/core-relocation/program-source/translation-unit.ts';
import type { CoreObject } from '../../model/bpf/core-relocation/world/core-object.ts';

/** A piece that has a record, at its instruction. */
export interface PlacedPiece {
  readonly piece: RecordedPiece;
  readonly index: number;
}

/** The pieces of one function with a record, from its first instruction. */
export function recordedPieces({ pieces }: FunctionSource): readonly PlacedPiece[] {
  let index = 0;
  return pieces.flatMap((piece) => {
    const placed = piece.kind === 'call' || piece.kind === 'plain' ? [] : [{ piece, index }];
    index += slotsOf(piece);
    return placed;
  });
}

/** A main program with the functions it reaches behind it, each at its first call, depth first; and its length in slots. */
export function assembled(
  { unit }: CoreObject,
  main: string,
): { readonly pieces: readonly PlacedPiece[]; readonly length: number } {
  const byName = new Map(unit.functions.map((source) => [source.name, source]));
  const starts = new Map<string, number>();
  let length = 0;
  const place = (source: FunctionSource): void => {
    starts.set(source.name, length);
    length += functionSlots(source);
    for (const piece of source.pieces)
      if (piece.kind === 'call' && !starts.has(piece.callee)) place(byName.get(piece.callee)!);
  };
  place(byName.get(main)!);
  const pieces = [...starts].flatMap(([name, start]) =>
    recordedPieces(byName.get(name)!).map(({ piece, index }) => ({ piece, index: start + index })),
  );
  return { pieces, length };
}

/** Functions whose records libbpf looks at: all that are left of linking, but for programs that are not to be loaded. */
export const relocatedFunctions = ({ unit }: CoreObject): readonly FunctionSource[] =>
  unit.functions.filter(({ standing }) => standing !== 'optional' && standing !== 'eliminated');
