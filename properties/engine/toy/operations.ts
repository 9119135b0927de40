import { integer, made } from '../../../src/language/argument.ts';
import { operation } from '../../../src/language/operation.ts';
import { MOST_PIECES, type Piece, type ToyWorld } from './world.ts';

const alloc = operation({
  name: 'alloc',
  does: 'Takes the first run of free chunks that is long enough.',
  takes: { length: integer({ min: 1, max: 8 }), tag: integer({ min: 0, max: 65535 }) },
  makes: 'piece',
  ready: (world: ToyWorld) => world.pieces.length < MOST_PIECES,
  apply: (world: ToyWorld, { length, tag }) => world.allocate(length, tag),
});

const write = operation({
  name: 'write',
  does: 'Writes a value into a piece that is not sealed.',
  takes: { piece: made<Piece>('piece'), value: integer({ min: 0, max: 255 }) },
  ready: (_world: ToyWorld, { piece }) => !piece.sealed,
  apply: (world: ToyWorld, { piece, value }) => world.write(piece, value),
});

const seal = operation({
  name: 'seal',
  does: 'Makes a piece executable and no longer writable.',
  takes: { piece: made<Piece>('piece') },
  ready: (_world: ToyWorld, { piece }) => !piece.sealed,
  apply: (world: ToyWorld, { piece }) => world.seal(piece),
});

const unseal = operation({
  name: 'unseal',
  does: 'Makes a piece writable again.',
  takes: { piece: made<Piece>('piece') },
  ready: (_world: ToyWorld, { piece }) => piece.sealed,
  apply: (world: ToyWorld, { piece }) => world.unseal(piece),
});

const free = operation({
  name: 'free',
  does: 'Gives the chunks of a piece that is not sealed back.',
  takes: { piece: made<Piece>('piece') },
  ends: 'piece',
  ready: (_world: ToyWorld, { piece }) => !piece.sealed,
  apply: (world: ToyWorld, { piece }) => world.free(piece),
});

export const toyOperations = { alloc, write, seal, unseal, free };
