import { pageOf } from '../../base/page.ts';
import { type Bpf, PROG_TYPE_SOCKET_FILTER } from './bpf.ts';
import type { LiveInstruction } from './bpf-instruction.ts';
import { LONGEST_CODE_BYTES, programOfLength } from './sized-program.ts';
import type { TextPages } from './text-pages.ts';

/** A program that occupies executable memory: where its allocation begins and how much of it is its own. */
export interface LoadedText {
  readonly descriptor: number;
  /** The allocation's header: the first instruction rounded down to 64 bytes. */
  readonly header: bigint;
  /** The first word of the allocation: how many bytes it has. */
  readonly size: number;
  /** From the header to the first instruction. */
  readonly imageOffset: number;
  readonly codeBytes: number;
}

/** Loads programs of chosen lengths, and fills the free chunks that the kernel's packs have before a recording begins. */
export class TextLoader {
  readonly #bpf: Bpf;
  readonly #pages: TextPages;
  readonly #frameBytes: number;
  #fillers: readonly LoadedText[] = [];

  constructor(bpf: Bpf, pages: TextPages) {
    this.#bpf = bpf;
    this.#pages = pages;
    const smallest = this.#loadInstructions(programOfLength(0, 0));
    if (typeof smallest === 'number') throw new Error(`a program that only exits is refused: ${bpf.log}`);
    this.#frameBytes = smallest.codeBytes;
    this.release(smallest);
  }

  /** The length of the shortest program there is on this machine. */
  get shortest(): number {
    return this.#frameBytes;
  }

  /** A program whose machine code has a given length, or `-errno` where the kernel refuses it. */
  load(codeBytes: number): LoadedText | number {
    return this.#loadInstructions(programOfLength(codeBytes, this.#frameBytes));
  }

  release({ descriptor }: LoadedText): void {
    this.#bpf.release(descriptor);
  }

  /**
   * Fills every free chunk of the packs that exist, so that the next program opens a pack of its own. First fit makes that
   * simple: a program that lands beyond what was executable before found no room in any pack. Such programs, one of each
   * size, are returned: they hold the new pack until they are released.
   */
  fillPacks(): readonly LoadedText[] {
    const before = this.#pages.executablePages();
    const fillers: LoadedText[] = [];
    const beyond: LoadedText[] = [];
    for (const length of this.#fillingLengths()) {
      while (fillers.length < MOST_FILLERS) {
        const text = this.load(length);
        if (typeof text === 'number') break;
        const found = before.has(pageOf(text.header));
        (found ? fillers : beyond).push(text);
        if (!found) break;
      }
    }
    this.#fillers = [...this.#fillers, ...fillers];
    return beyond;
  }

  /** Releases what fills the packs. */
  close(): void {
    for (const filler of this.#fillers) this.release(filler);
    this.#fillers = [];
  }

  /** From the longest program to the shortest, each about half as long as the one before. */
  *#fillingLengths(): Generator<number> {
    // One byte more than the shortest is a length that no program has.
    for (let length = LONGEST_CODE_BYTES; length > this.#frameBytes + 1; length = Math.floor(length / 2)) yield length;
    yield this.#frameBytes;
  }

  #loadInstructions(instructions: readonly LiveInstruction[]): LoadedText | number {
    const descriptor = this.#bpf.loadProgram({ type: PROG_TYPE_SOCKET_FILTER, name: 'rox_text', instructions });
    if (descriptor < 0) return descriptor;
    const information = this.#bpf.programInformation(descriptor);
    const part = typeof information === 'number' ? undefined : information.parts[0];
    if (part === undefined) throw new Error('the kernel does not tell where a program lies');
    const header = part.address & ~(CHUNK_BYTES - 1n);
    const size = this.#pages.word32(header) ?? 0;
    return { descriptor, header, size, imageOffset: Number(part.address - header), codeBytes: part.bytes };
  }
}

const CHUNK_BYTES = 64n;
/** Where others free as fast as this fills, there would be no end. */
const MOST_FILLERS = 4096;
