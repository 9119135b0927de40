import fc from 'fast-check';
import { takenChunksAreOwned } from '../properties/engine/toy/laws.ts';
import { MOST_PIECES, type Piece, ToyWorld } from '../properties/engine/toy/world.ts';
import { UnjournalledJournal } from './toy-runs.ts';

/**
 * The peer: the toy as commands of fast-check, written as its documentation shows. A command names its piece by an index
 * modulo the live pieces, is drawn without seeing them, and is skipped when its check says so. The law is judged after each
 * command. The model is the same one, with a journal that keeps nothing.
 */
interface Model {
  executed: number;
}

abstract class PieceCommand implements fc.Command<Model, ToyWorld> {
  readonly index: number;
  readonly world: { current: ToyWorld };

  constructor(index: number, world: { current: ToyWorld }) {
    this.index = index;
    this.world = world;
  }

  check(): boolean {
    const { pieces } = this.world.current;
    return pieces.length > 0 && this.isPossible(pieces[this.index % pieces.length]!);
  }

  run(model: Model, world: ToyWorld): void {
    model.executed++;
    this.perform(world, world.pieces[this.index % world.pieces.length]!);
    checkLaw(world);
  }

  abstract isPossible(piece: Piece): boolean;
  abstract perform(world: ToyWorld, piece: Piece): void;
}

class Alloc implements fc.Command<Model, ToyWorld> {
  readonly length: number;
  readonly tag: number;
  readonly world: { current: ToyWorld };

  constructor(length: number, tag: number, world: { current: ToyWorld }) {
    this.length = length;
    this.tag = tag;
    this.world = world;
  }

  check(): boolean {
    return this.world.current.pieces.length < MOST_PIECES;
  }

  run(model: Model, world: ToyWorld): void {
    model.executed++;
    world.allocate(this.length, this.tag);
    checkLaw(world);
  }
}

class Write extends PieceCommand {
  readonly value: number;

  constructor(index: number, value: number, world: { current: ToyWorld }) {
    super(index, world);
    this.value = value;
  }

  isPossible(piece: Piece): boolean {
    return !piece.sealed;
  }

  perform(world: ToyWorld, piece: Piece): void {
    world.write(piece, this.value);
  }
}

class Seal extends PieceCommand {
  isPossible(piece: Piece): boolean {
    return !piece.sealed;
  }

  perform(world: ToyWorld, piece: Piece): void {
    world.seal(piece);
  }
}

class Unseal extends PieceCommand {
  isPossible(piece: Piece): boolean {
    return piece.sealed;
  }

  perform(world: ToyWorld, piece: Piece): void {
    world.unseal(piece);
  }
}

class Free extends PieceCommand {
  isPossible(piece: Piece): boolean {
    return !piece.sealed;
  }

  perform(world: ToyWorld, piece: Piece): void {
    world.free(piece);
  }
}

function checkLaw(world: ToyWorld): void {
  takenChunksAreOwned.judge(world, (evidence) => {
    throw new Error(evidence);
  });
}

/** Generates and runs traces of about `length` commands until `runs` have passed; returns how many commands were executed. */
export function runCommands({ length, runs, seed }: { length: number; runs: number; seed: number }): {
  readonly generated: number;
  readonly executed: number;
} {
  const current = { current: new ToyWorld(new UnjournalledJournal()) };
  const index = fc.nat(65535);
  const commands = fc.commands(
    [
      fc.tuple(fc.integer({ min: 1, max: 8 }), fc.nat(65535)).map(([pieces, tag]) => new Alloc(pieces, tag, current)),
      fc.tuple(index, fc.nat(255)).map(([at, value]) => new Write(at, value, current)),
      index.map((at) => new Seal(at, current)),
      index.map((at) => new Unseal(at, current)),
      index.map((at) => new Free(at, current)),
    ],
    { maxCommands: 2 * length, size: 'max' },
  );
  const counts = { generated: 0, executed: 0 };
  const property = fc.property(commands, (trace) => {
    const model: Model = { executed: 0 };
    current.current = new ToyWorld(new UnjournalledJournal());
    fc.modelRun(() => ({ model, real: current.current }), trace);
    counts.executed += model.executed;
    counts.generated += [...trace].length;
  });
  fc.assert(property, { numRuns: runs, seed });
  return counts;
}
