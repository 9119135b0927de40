import type { Fault } from '../../../src/language/fault.ts';
import type { Step } from '../../../src/language/trace.ts';
import { CHUNK_COUNT, type Piece, type ToyWorld } from './world.ts';

/**
 * Freeing a piece with a high tag that went through `cycles` seals and unseals forgets its last chunk. The shortest trace
 * has 2 + 2 * cycles steps on one piece.
 */
export function leakAfterCycles(cycles: number, lowestTag: number): Fault<ToyWorld> {
  return toyFault(`leak-after-${cycles}-cycles`, 'A freed piece keeps its last chunk.', (world) => {
    world.chunksGivenBack = (piece) => {
      const leaks = piece.tag >= lowestTag && piece.cycles >= cycles;
      return leaks ? piece.length - 1 : piece.length;
    };
  });
}

/**
 * Freeing a piece with a high tag while another one is sealed leaves a stale hole; after `times` such holes the next piece
 * of the last hole's length takes a chunk too many. The shortest trace has 3 + 2 * times steps on 2 + times pieces.
 */
export function staleHole(times: number, lowestTag: number): Fault<ToyWorld> {
  return toyFault(`stale-hole-${times}`, 'A hole is remembered beyond its reuse.', (world) => {
    const hole = { count: 0, length: -1 };
    world.freed = (piece) => {
      if (piece.tag < lowestTag || !world.pieces.some((other) => other !== piece && other.sealed)) return;
      world.journal.set(hole, 'count', hole.count + 1);
      world.journal.set(hole, 'length', piece.length);
    };
    world.allocated = (piece) => {
      if (hole.count >= times && hole.length === piece.length) takeLastFree(world);
    };
  });
}

/** A second bug where shrinkers drive values: two live pieces of one chunk with tag 0. It shows at `alloc`. */
export function twoPlainPieces(): Fault<ToyWorld> {
  return toyFault('two-plain-pieces', 'The second plain piece takes a chunk too many.', (world) => {
    const isPlain = (piece: Piece) => piece.length === 1 && piece.tag === 0;
    world.allocated = (piece) => {
      if (isPlain(piece) && world.pieces.filter(isPlain).length > 1) takeLastFree(world);
    };
  });
}

/** Another leak at `free`, of pieces with a low tag: it also writes into the piece that goes. */
export function leakOfPlainPieces(): Fault<ToyWorld> {
  return toyFault('leak-of-plain-pieces', 'A freed plain piece is written to and keeps its last chunk.', (world) => {
    const { chunksGivenBack } = world;
    world.chunksGivenBack = (piece) => {
      if (piece.tag >= 600) return chunksGivenBack.call(world, piece);
      world.write(piece, 0);
      return piece.length - 1;
    };
  });
}

/**
 * The leak, for one piece only: the first of these steps at or after `earliest` that frees a piece of so many cycles shows it.
 * So a failure can be placed as late in a long trace as wanted; its shortest trace is that of {@link leakAfterCycles}.
 */
export function failAtStep(cycles: number, steps: readonly Step[], earliest: number): Fault<ToyWorld> {
  const cyclesOf = new Map<unknown, number>();
  const tagOf = new Map<unknown, unknown>();
  const shownEarlier = new Set<unknown>();
  for (const [index, { operation, args, made }] of steps.entries()) {
    const { piece } = args;
    if (operation.name === 'alloc') tagOf.set(made[0], args.tag);
    if (operation.name === 'unseal') cyclesOf.set(piece, (cyclesOf.get(piece) ?? 0) + 1);
    if (operation.name !== 'free' || (cyclesOf.get(piece) ?? 0) < cycles) continue;
    const tag = tagOf.get(piece);
    if (index < earliest) shownEarlier.add(tag);
    if (shownEarlier.has(tag)) continue;
    return toyFault('leak-of-one-tag', 'A freed piece with one certain tag keeps its last chunk.', (world) => {
      world.chunksGivenBack = (freed) =>
        freed.tag === tag && freed.cycles >= cycles ? freed.length - 1 : freed.length;
    });
  }
  throw new Error('no step fits');
}

/** Several bugs at once. */
export function together(...faults: readonly Fault<ToyWorld>[]): Fault<ToyWorld> {
  return toyFault(faults.map(({ name }) => name).join('-and-'), 'Several bugs at once.', (world) => {
    for (const { plant } of faults) plant(world);
  });
}

function takeLastFree(world: ToyWorld): void {
  let chunk = CHUNK_COUNT - 1;
  while (world.isTaken(chunk)) chunk--;
  world.mark(chunk, 1, true);
}

function toyFault(name: string, story: string, plant: (world: ToyWorld) => void): Fault<ToyWorld> {
  return { name, story, breaks: 'taken-chunks-are-owned', kernel: 'toy', suite: 'toy', source: 'made up', plant };
}
