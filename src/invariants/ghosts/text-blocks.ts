import { type Journal, JournaledArray, JournaledMap } from '../../base/journal.ts';
import type { TextAddress } from '../../model/kernel/text-address.ts';
import type { Owner } from './text-event.ts';

const PAGE = 4096;
const CHUNK = 64;

/** Chunks that one owner holds. */
export interface Run {
  readonly first: number;
  readonly count: number;
  readonly owner: Owner;
}

/**
 * One stretch of executable memory as a law should find it: who holds which chunks, and what every byte reads. A page that
 * nobody wrote holds the filler it was born with and costs nothing.
 */
export class TextBlock {
  readonly kind: 'pack' | 'area' | 'pages';
  readonly address: TextAddress;
  readonly pageCount: number;
  /** By page of the block: the frame it was born with. */
  readonly frames: readonly number[];
  readonly pageOfFrame: ReadonlyMap<number, number>;
  /** By number of 2 MiB of memory: the first page whose frame lies there. */
  readonly pageOf2M: ReadonlyMap<number, number>;
  /** Held chunks, by address. */
  readonly runs: JournaledArray<Run>;
  /** What it was filled with when it was made. */
  readonly filler: number;
  /** By page of the block: contents that differ from the filler, or the one byte that fills it now. */
  readonly #written: JournaledMap<number, Uint8Array | number>;

  constructor(
    journal: Journal,
    born: {
      readonly kind: TextBlock['kind'];
      readonly address: TextAddress;
      readonly frames: readonly number[];
      readonly filler: number;
    },
  ) {
    this.kind = born.kind;
    this.address = born.address;
    this.frames = born.frames;
    this.filler = born.filler;
    this.pageCount = born.frames.length;
    this.pageOfFrame = new Map(born.frames.map((frame, index) => [frame, index]));
    this.pageOf2M = new Map(born.frames.map((frame, index) => [frame >>> 9, index] as const).reverse());
    this.runs = new JournaledArray<Run>(journal);
    this.#written = new JournaledMap<number, Uint8Array | number>(journal);
  }

  get end(): TextAddress {
    return this.address + this.pageCount * PAGE;
  }

  holds(address: TextAddress): boolean {
    return address >= this.address && address < this.end;
  }

  /** What a page should read: its one byte, or its 4096. */
  page(index: number): number | Uint8Array {
    return this.#written.get(index) ?? this.filler;
  }

  /** The owner of a chunk. */
  ownerOf(chunk: number): Owner | undefined {
    const run = this.runs.at(this.#firstEndingAfter(chunk));
    return run !== undefined && run.first <= chunk ? run.owner : undefined;
  }

  /** The first owner that already holds some of these chunks. */
  ownerAmong(first: number, count: number): Owner | undefined {
    const run = this.runs.at(this.#firstEndingAfter(first));
    return run !== undefined && run.first < first + count ? run.owner : undefined;
  }

  /** The lowest gap of at least `count` chunks among `total`; undefined when there is none. */
  lowestGap(count: number, total: number): number | undefined {
    let first = 0;
    for (const run of this.runs.items) {
      if (run.first - first >= count) return first;
      first = run.first + run.count;
    }
    return total - first >= count ? first : undefined;
  }

  claim(first: number, count: number, owner: Owner): void {
    this.release(first, count);
    this.runs.insert(this.#firstEndingAfter(first), { first, count, owner });
  }

  /** Takes chunks away from whoever holds them; what an owner held besides stays with it. */
  release(first: number, count: number): void {
    const end = first + count;
    for (let index = this.#firstEndingAfter(first); ; ) {
      const run = this.runs.at(index);
      if (run === undefined || run.first >= end) return;
      this.runs.remove(index);
      if (run.first < first) this.runs.insert(index++, { ...run, count: first - run.first });
      const past = run.first + run.count;
      if (past > end) this.runs.insert(index++, { ...run, first: end, count: past - end });
    }
  }

  /** Bytes are stored; what lies beyond the block is not. Returns the pages touched, as [first, end). */
  write(address: TextAddress, bytes: Uint8Array): readonly [number, number] {
    return this.#eachPage(address, bytes.length, (index, at, done, length) => {
      this.#open(index).set(bytes.subarray(done, done + length), at);
    });
  }

  fill(address: TextAddress, size: number, byte: number): readonly [number, number] {
    return this.#eachPage(address, size, (index, at, _, length) => {
      if (this.page(index) === byte) return;
      if (length === PAGE) this.#written.set(index, byte);
      else this.#open(index).fill(byte, at, at + length);
    });
  }

  chunkAt(address: TextAddress): number {
    return Math.floor((address - this.address) / CHUNK);
  }

  #eachPage(
    address: TextAddress,
    size: number,
    change: (index: number, at: number, done: number, length: number) => void,
  ): readonly [number, number] {
    const start = address - this.address;
    const end = Math.min(start + size, this.pageCount * PAGE);
    for (let at = start; at < end; ) {
      const index = Math.floor(at / PAGE);
      const length = Math.min(end, (index + 1) * PAGE) - at;
      change(index, at % PAGE, at - start, length);
      at += length;
    }
    return [Math.floor(start / PAGE), Math.ceil(end / PAGE)];
  }

  /** A copy of a page's bytes that stands in their place, to be changed. */
  #open(index: number): Uint8Array {
    const old = this.page(index);
    const page = typeof old === 'number' ? new Uint8Array(PAGE).fill(old) : old.slice();
    this.#written.set(index, page);
    return page;
  }

  #firstEndingAfter(chunk: number): number {
    const runs = this.runs.items;
    let low = 0;
    let high = runs.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const run = runs[middle]!;
      if (run.first + run.count <= chunk) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
