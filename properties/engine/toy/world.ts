import { type Journal, Journal as NewJournal } from '../../../src/base/journal.ts';

/**
 * A toy of bpf_prog_pack: 256 chunks under a bitmap, handed out first fit. Small enough to know every failing trace's true
 * minimum, and the same machine on which other property-based testing libraries were measured, so that figures compare.
 */
export class ToyWorld {
  readonly journal: Journal;
  readonly bitmap = new Int32Array(CHUNK_COUNT / 32);
  readonly pieces: Piece[] = [];
  /** The chunks of all live pieces; what the bitmap should hold. */
  usedChunks = 0;

  constructor(journal: Journal = new NewJournal()) {
    this.journal = journal;
  }

  allocate(length: number, tag: number): Piece {
    const start = this.firstFit(length);
    this.mark(start, length, true);
    const piece = new Piece(start, length, tag);
    this.journal.push(this.pieces, piece);
    this.journal.record(this, 'usedChunks', this.usedChunks);
    this.usedChunks += length;
    this.allocated(piece);
    return piece;
  }

  free(piece: Piece): void {
    this.mark(piece.start, this.chunksGivenBack(piece), false);
    this.freed(piece);
    this.remove(piece);
    this.journal.record(this, 'usedChunks', this.usedChunks);
    this.usedChunks -= piece.length;
  }

  write(piece: Piece, value: number): void {
    this.journal.record(piece, 'value', piece.value);
    piece.value = value;
  }

  seal(piece: Piece): void {
    this.journal.record(piece, 'sealed', false);
    piece.sealed = true;
  }

  unseal(piece: Piece): void {
    this.journal.record(piece, 'sealed', true);
    this.journal.record(piece, 'cycles', piece.cycles);
    piece.sealed = false;
    piece.cycles++;
  }

  /** Order means nothing, so the last piece takes the place. A shorter length would forget it: the journal keeps it apart. */
  private remove(piece: Piece): void {
    const { journal, pieces } = this;
    const index = pieces.indexOf(piece);
    const last = pieces.length - 1;
    journal.record(pieces, index, piece);
    journal.record(pieces, last, pieces[last]);
    journal.record(pieces, 'length', pieces.length);
    pieces[index] = pieces[last]!;
    pieces.pop();
  }

  /** A decision that faults replace: how many of its chunks a freed piece gives back. */
  chunksGivenBack(piece: Piece): number {
    return piece.length;
  }

  /** A place where faults do more: after a piece was made, and after one was freed. */
  allocated(_piece: Piece): void {}
  freed(_piece: Piece): void {}

  isTaken(chunk: number): boolean {
    return ((this.bitmap[chunk >>> 5]! >>> (chunk & 31)) & 1) === 1;
  }

  mark(start: number, length: number, taken: boolean): void {
    const end = start + length;
    for (let word = start >>> 5; word << 5 < end; word++) {
      const from = Math.max(start - (word << 5), 0);
      const to = Math.min(end - (word << 5), 32);
      const bits = ((to === 32 ? 0 : 1 << to) - (1 << from)) | 0;
      const old = this.bitmap[word]!;
      this.journal.record(this.bitmap, word, old);
      this.bitmap[word] = taken ? old | bits : old & ~bits;
    }
  }

  /** At most twelve pieces of at most eight chunks live, so there is always room. */
  firstFit(length: number): number {
    let run = 0;
    for (let chunk = 0; chunk < CHUNK_COUNT; chunk++) {
      run = this.isTaken(chunk) ? 0 : run + 1;
      if (run === length) return chunk - length + 1;
    }
    throw new Error('no room');
  }
}

export class Piece {
  readonly start: number;
  readonly length: number;
  readonly tag: number;
  value = 0;
  sealed = false;
  /** How often it was sealed and unsealed again. */
  cycles = 0;

  constructor(start: number, length: number, tag: number) {
    this.start = start;
    this.length = length;
    this.tag = tag;
  }
}

export const CHUNK_COUNT = 256;
export const MOST_PIECES = 12;
