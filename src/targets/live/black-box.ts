import { closeSync, openSync } from 'node:fs';
import { type Libc, MAP_SHARED, type Memory, PROT_READ, PROT_WRITE } from './libc.ts';

/**
 * The record that outlives the kernel: a trace that makes a guest's kernel panic is told from outside. It is memory that the guest
 * has in common with its host, who keeps it in a file, so every word of it is safe before the step begins that it announces. On a
 * machine without such memory, which is any real one, there is no black box.
 *
 * The first words are how many bytes tell what is tried, the run, and how many of its steps have begun. The telling, which is
 * JSON, lies behind.
 */
export class BlackBox {
  readonly #memory: Memory;

  /** Undefined unless whoever started this process says where the memory is. */
  static open(libc: Libc | undefined): BlackBox | undefined {
    const path = process.env[BLACK_BOX_VARIABLE];
    return libc === undefined || path === undefined ? undefined : new BlackBox(libc, path);
  }

  private constructor(libc: Libc, path: string) {
    const descriptor = openSync(path, 'r+');
    const protection = PROT_READ | PROT_WRITE;
    const address = libc.mmap({ bytes: BLACK_BOX_BYTES, protection, flags: MAP_SHARED, descriptor });
    closeSync(descriptor);
    if (address < 0) throw new Error(`${path} cannot be mapped: errno ${-address}`);
    this.#memory = libc.memoryAt(address, BLACK_BOX_BYTES);
  }

  /** What is about to be tried. What is too long to tell is not told. */
  begin(attempt: object): void {
    const text = Buffer.from(JSON.stringify(attempt));
    if (text.length > BLACK_BOX_BYTES - TEXT_AT) return;
    const { bytes, words } = this.#memory;
    words[LENGTH] = 0n;
    bytes.set(text, TEXT_AT);
    words[PERFORMED] = 0n;
    words[LENGTH] = BigInt(text.length);
  }

  /** So many steps of a run have begun. */
  note(run: number, performed: number): void {
    const { words } = this.#memory;
    words[RUN] = BigInt(run);
    words[PERFORMED] = BigInt(performed);
  }
}

/** The last thing that a black box tells: what was tried, in which run, and how many steps of it had begun. */
export interface LastNote {
  readonly attempt: unknown;
  readonly run: number;
  readonly performed: number;
}

/** Reads a black box; undefined where nothing was tried. */
export function readBlackBox(box: Buffer): LastNote | undefined {
  const word = (index: number) => Number(box.readBigUInt64LE(8 * index));
  const length = word(LENGTH);
  if (length === 0) return undefined;
  const attempt: unknown = JSON.parse(box.toString('utf8', TEXT_AT, TEXT_AT + length));
  return { attempt, run: word(RUN), performed: word(PERFORMED) };
}

export const BLACK_BOX_VARIABLE = 'ROXCHECK_BLACK_BOX';
/** A power of two, as the memory of a PCI device has to be. */
export const BLACK_BOX_BYTES = 2 ** 22;

const [LENGTH, RUN, PERFORMED] = [0, 1, 2];
const TEXT_AT = 64;
