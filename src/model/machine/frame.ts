import { bytesEqual } from '../../base/bytes.ts';
import type { Journal, Undoable } from '../../base/journal.ts';
import { PAGE_SIZE } from '../../base/page.ts';
import { flagsOf, frameOf, highWord, lowWord } from './page-table-entry.ts';

/** What a frame serves as: `struct page` reduced to what laws ask for. */
export type FrameUse = 'free' | 'reserved' | 'page-table' | 'kernel-image' | 'vmalloc' | 'arena' | 'anonymous' | 'slab';

/** Bytes of a frame: all the same until the first partial write. */
interface Content {
  readonly fill: number;
  readonly bytes: Uint8Array | undefined;
  readonly words: Uint32Array | undefined;
}

const uniform: readonly Content[] = Array.from({ length: 256 }, (_, fill) => ({
  fill,
  bytes: undefined,
  words: undefined,
}));

/** The byte that freed frames are filled with, so that a use after free reads nonsense. */
export const JUNK = 0x6b;

/**
 * One 4 KiB frame of physical memory. A frame whose bytes are all equal holds no buffer: filling a 2 MiB pack with traps
 * costs 512 assignments. Page tables live in frames like everything else.
 */
export class Frame implements Undoable {
  readonly number: number;
  use: FrameUse;
  readonly #journal: Journal;
  #content: Content = uniform[JUNK]!;

  constructor(journal: Journal, number: number, use: FrameUse) {
    this.#journal = journal;
    this.number = number;
    this.use = use;
  }

  setUse(use: FrameUse): void {
    if (use !== this.use) this.#journal.set(this, 'use', use);
  }

  /** The byte that fills the whole frame, or undefined when bytes may differ. */
  get uniformByte(): number | undefined {
    return this.#content.bytes === undefined ? this.#content.fill : undefined;
  }

  byteAt(offset: number): number {
    const { bytes, fill } = this.#content;
    return bytes === undefined ? fill : bytes[offset]!;
  }

  /** The frame's bytes for reading only; valid until the next write. A uniform frame makes a fresh array. */
  view(): Uint8Array {
    return this.#content.bytes ?? new Uint8Array(PAGE_SIZE).fill(this.#content.fill);
  }

  /** A copy of `length` bytes from `offset`, inside the frame. */
  read(offset: number, length: number): Uint8Array {
    const { bytes, fill } = this.#content;
    return bytes === undefined ? new Uint8Array(length).fill(fill) : bytes.slice(offset, offset + length);
  }

  /** Copies `length` bytes from `offset`, inside the frame, to place `at` of the target. */
  readInto(target: Uint8Array, at: number, offset: number, length: number): void {
    const { bytes, fill } = this.#content;
    if (bytes === undefined) target.fill(fill, at, at + length);
    else target.set(bytes.subarray(offset, offset + length), at);
  }

  /** Fills the whole frame with one byte. */
  fillAll(byte: number): void {
    if (this.uniformByte !== byte) this.#swap(uniform[byte]!);
  }

  /** Fills part of the frame with one byte. */
  fill(offset: number, length: number, byte: number): void {
    if (length === PAGE_SIZE) {
      this.fillAll(byte);
      return;
    }
    if (this.uniformByte === byte) return;
    const bytes = this.#materialise();
    if (this.#journal.keeps) this.#journal.record(this, offset, bytes.slice(offset, offset + length));
    bytes.fill(byte, offset, offset + length);
  }

  /** Writes `source` at `offset`; it ends inside the frame. A whole page of one byte leaves the frame without a buffer. */
  write(offset: number, source: Uint8Array): void {
    if (source.length === 0) return;
    if (source.length === PAGE_SIZE && isUniform(source)) {
      this.fillAll(source[0]!);
      return;
    }
    const bytes = this.#materialise();
    if (this.#journal.keeps) this.#journal.record(this, offset, bytes.slice(offset, offset + source.length));
    bytes.set(source, offset);
  }

  /** The bytes themselves, to be written at will until the journal's next mark; what they were is recorded once, here. */
  open(): Uint8Array {
    const bytes = this.#materialise();
    this.#journal.record(this, 0, bytes.slice());
    return bytes;
  }

  /** The 32-bit little-endian word number `index`, 0 to 1023. */
  word(index: number): number {
    const { words, fill } = this.#content;
    return words === undefined ? Math.imul(fill, 0x0101_0101) >>> 0 : words[index]!;
  }

  setWord(index: number, value: number): void {
    const words = this.#words();
    this.#journal.record(this, index, words[index]);
    words[index] = value;
  }

  /** Replaces the bits of a word that are set in `mask`. */
  setBits(index: number, value: number, mask: number): void {
    this.setWord(index, (this.word(index) & ~mask) | (value & mask));
  }

  /** Flags of the page-table entry number `index`, 0 to 511, with NX in bit 31. */
  entryFlags(index: number): number {
    const { words } = this.#content;
    if (words === undefined) return flagsOf(this.word(0), this.word(1));
    return flagsOf(words[2 * index]!, words[2 * index + 1]!);
  }

  /** Frame number of the page-table entry number `index`. */
  entryFrame(index: number): number {
    return frameOf(this.word(2 * index), this.word(2 * index + 1));
  }

  /** Writes the entry; a word that stays as it was is not recorded as a change. */
  setEntry(index: number, frame: number, flags: number): void {
    const low = lowWord(frame, flags);
    const high = highWord(frame, flags);
    if (this.word(2 * index) !== low) this.setWord(2 * index, low);
    if (this.word(2 * index + 1) !== high) this.setWord(2 * index + 1, high);
  }

  /** Takes a change back: a word (a number), a range of bytes, or the whole content. */
  undo(key: unknown, old: unknown): void {
    if (key === 'use') this.use = old as FrameUse;
    else if (typeof old === 'number') this.#content.words![key as number] = old;
    else if (old instanceof Uint8Array) this.#content.bytes!.set(old, key as number);
    else this.#content = old as Content;
  }

  #materialise(): Uint8Array {
    if (this.#content.bytes === undefined) this.#swap(materialised(this.#content.fill));
    return this.#content.bytes as Uint8Array;
  }

  #words(): Uint32Array {
    this.#materialise();
    return this.#content.words as Uint32Array;
  }

  #swap(content: Content): void {
    this.#journal.record(this, 'content', this.#content);
    this.#content = content;
  }
}

/*
 * Buffers of many pages are cut into pages, because the engine's price for a buffer of its own is three times that of a
 * piece (3.2 and 1.1 us, Node 20). A page that is no longer used is never cut again: the journal may still hold it.
 */
const PAGES_PER_BUFFER = 16;
let buffer = new ArrayBuffer(0);
let bufferUsed = 0;

/** Whether all bytes are equal: then they are what stands one byte further. */
function isUniform(bytes: Uint8Array): boolean {
  const last = bytes.length - 1;
  if (bytes[0] !== bytes[last] || bytes[0] !== bytes[last >>> 1]) return false;
  return bytesEqual(bytes.subarray(1), bytes.subarray(0, last));
}

/** A page of bytes that are all `fill`, to be written. */
function materialised(fill: number): Content {
  if (bufferUsed === buffer.byteLength) {
    buffer = new ArrayBuffer(PAGES_PER_BUFFER * PAGE_SIZE);
    bufferUsed = 0;
  }
  const bytes = new Uint8Array(buffer, bufferUsed, PAGE_SIZE);
  const words = new Uint32Array(buffer, bufferUsed, PAGE_SIZE / 4);
  bufferUsed += PAGE_SIZE;
  if (fill !== 0) bytes.fill(fill);
  return { fill, bytes, words };
}

/** The words of a whole content that the journal shows as replaced; undefined for other changes, and where all bytes were equal. */
export function replacedWords(old: unknown): Uint32Array | undefined {
  return typeof old === 'object' && old !== null && 'words' in old ? (old as Content).words : undefined;
}
