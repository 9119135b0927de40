import type { Bus } from './bus.ts';
import { carryOf } from './core.ts';
import { decode, LONGEST_INSTRUCTION, TRUNCATED } from './decode.ts';
import type { Decoded } from './decoded.ts';
import type { Outcome } from './exception.ts';
import type { MemoryPort } from './memory-port.ts';

/** Instructions that follow one another in one page; only the last may look at the instruction pointer. */
export interface Block {
  readonly instructions: readonly Decoded[];
  /** Bytes of the whole block. */
  readonly length: number;
}

/**
 * Fetches and decodes code, and keeps what was decoded by page content: the bus numbers every content of every code
 * page, and a block is true for as long as the page keeps its number, wherever it is mapped. Code that changes is
 * decoded anew at the next jump, which is when the architecture promises it (SDM 3A, 9.1.3).
 */
export class CodeCache {
  /** Why {@link fetch} had nothing to give. */
  refusal: Outcome = undefined;

  readonly #port: MemoryPort;
  readonly #bus: Bus;
  readonly #contents = new Map<number, Blocks>();

  /** The page fetched from last: its address, its blocks, and the bus's epoch when it was reached. */
  #pageLo = NO_PAGE;
  #pageHi = 0;
  #blocks: Blocks = [];
  #epoch = 0;

  constructor(port: MemoryPort) {
    this.#port = port;
    this.#bus = port.bus;
  }

  /** The block that starts at an address, or undefined with a {@link refusal}. */
  fetch(lo: number, hi: number): Block | undefined {
    if ((lo & ~0xfff) !== this.#pageLo || hi !== this.#pageHi || this.#bus.codeEpoch !== this.#epoch) {
      this.refusal = this.#reachPage(lo, hi);
      if (this.refusal !== undefined) return undefined;
    }
    return this.#blocks[lo & 0xfff] ?? this.#decodeBlock(lo, hi);
  }

  #reachPage(lo: number, hi: number): Outcome {
    this.#pageLo = NO_PAGE;
    const outcome = this.#reach(lo, hi);
    if (outcome !== undefined) return outcome;
    this.#pageLo = lo & ~0xfff;
    this.#pageHi = hi;
    this.#epoch = this.#bus.codeEpoch;
    this.#blocks = this.#blocksOf(this.#bus.codeGeneration);
    return undefined;
  }

  #blocksOf(generation: number): Blocks {
    const known = this.#contents.get(generation);
    if (known !== undefined) return known;
    if (this.#contents.size >= MOST_CONTENTS) this.#contents.clear();
    const fresh: Blocks = new Array(4096).fill(undefined);
    this.#contents.set(generation, fresh);
    return fresh;
  }

  #decodeBlock(lo: number, hi: number): Block | undefined {
    this.refusal = this.#reach(lo, hi);
    if (this.refusal !== undefined) return undefined;
    const { frame, frameStart } = this.#bus;
    this.#bus.begins?.(lo, hi);
    const offset = lo & 0xfff;
    const instructions: Decoded[] = [];
    let at = offset;
    while (at < 4096) {
      const end = Math.min(at + LONGEST_INSTRUCTION, 4096);
      const decoded = decode(frame, frameStart + at, frameStart + end);
      if (typeof decoded === 'string') {
        if (at > offset) break;
        if (decoded === TRUNCATED && end === 4096) return this.#decodeAcross(lo, hi);
        this.refusal = decoded === TRUNCATED ? 'general-protection' : 'invalid-opcode';
        return undefined;
      }
      instructions.push(decoded);
      at += decoded.length;
      if (decoded.endsBlock) break;
    }
    const block = { instructions, length: at - offset };
    this.#blocks[offset] = block;
    return block;
  }

  /** One instruction whose bytes lie in two pages. It is not kept, because it depends on the contents of both. */
  #decodeAcross(lo: number, hi: number): Block | undefined {
    const bytes = new DataView(new ArrayBuffer(LONGEST_INSTRUCTION));
    for (let index = 0; index < LONGEST_INSTRUCTION; index++) {
      const byteLo = (lo + index) | 0;
      this.refusal = this.#reach(byteLo, (hi + carryOf(byteLo, index)) | 0);
      if (this.refusal !== undefined) return undefined;
      bytes.setUint8(index, this.#bus.frame.getUint8(this.#bus.frameStart + (byteLo & 0xfff)));
    }
    const decoded = decode(bytes, 0, LONGEST_INSTRUCTION);
    if (typeof decoded === 'object') return { instructions: [decoded], length: decoded.length };
    this.refusal = decoded === TRUNCATED ? 'general-protection' : 'invalid-opcode';
    return undefined;
  }

  #reach(lo: number, hi: number): Outcome {
    const port = this.#port;
    if (!port.isCanonical(hi)) return 'general-protection';
    if (this.#bus.reach(lo, hi, 'execute')) return undefined;
    port.noteFault(lo, hi, 'execute');
    return 'page-fault';
  }
}

type Blocks = (Block | undefined)[];

/** No page starts at an address that is not a multiple of its size. */
const NO_PAGE = 1;

/** Enough for every program a world holds at once; beyond it decoding simply starts over. */
const MOST_CONTENTS = 1024;
