import { type Domain, invariant, type StateLaw } from '../../../src/language/invariant.ts';
import { Piece, type ToyWorld } from './world.ts';

export const takenChunksAreOwned: StateLaw<ToyWorld> = {
  name: 'taken-chunks-are-owned',
  law: 'The bitmap holds as many chunks as the live pieces have.',
  judge({ bitmap, usedChunks }, violated) {
    let taken = 0;
    for (let word = 0; word < bitmap.length; word++) taken += bitCount(bitmap[word]!);
    if (taken !== usedChunks) violated(`${taken} chunks are taken, the live pieces own ${usedChunks}`);
  },
};

const livePieces: Domain<ToyWorld, Piece> = {
  name: 'live pieces',
  all: ({ pieces }) => pieces,
  changed: ({ pieces }, { returned, changes }) =>
    returned instanceof Piece ? [returned] : changes.of(Piece).filter((piece) => pieces.includes(piece)),
};

export const livePiecesAreTaken = invariant({
  name: 'live-pieces-are-taken',
  law: 'Every chunk of a live piece is marked as taken.',
  over: livePieces,
  judge(world: ToyWorld, piece, violated) {
    for (let chunk = piece.start; chunk < piece.start + piece.length; chunk++) {
      if (!world.isTaken(chunk)) violated(`chunk ${chunk} of the piece at ${piece.start} is free`);
    }
  },
});

export const writingKeepsChunks = invariant<ToyWorld>({
  name: 'writing-keeps-chunks',
  law: 'A write changes neither the bitmap nor the list of pieces.',
  concerns: (_world, { operation }) => operation.name === 'write',
  judgeStep({ bitmap, pieces }, { changes }, violated) {
    changes.each((owner) => {
      if (owner === bitmap || owner === pieces) violated('a write changed what is allocated');
    });
  },
});

function bitCount(word: number): number {
  let bits = word - ((word >>> 1) & 0x55555555);
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
  bits = (bits + (bits >>> 4)) & 0x0f0f0f0f;
  return Math.imul(bits, 0x01010101) >>> 24;
}
