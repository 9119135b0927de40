import { openSync, writeSync } from 'node:fs';

/**
 * The record that outlives the kernel: a trace that makes a guest's kernel panic is told from outside. Each byte goes to an I/O
 * port behind which the emulator of the machine keeps a file (QEMU's isa-debugcon), so it is safe before the step begins that it
 * announces. On a machine without such a port, which is any real one, there is no black box.
 */
export class BlackBox {
  readonly #ports: number;
  readonly #port: number;
  readonly #byte = new Uint8Array(1);

  /** Undefined unless whoever started this process says where the port is. */
  static open(): BlackBox | undefined {
    const port = Number(process.env[BLACK_BOX_VARIABLE]);
    return port > 0 ? new BlackBox(port) : undefined;
  }

  private constructor(port: number) {
    this.#ports = openSync('/dev/port', 'r+');
    this.#port = port;
  }

  /** What is about to be tried. */
  begin(attempt: object): void {
    this.#write(`try ${JSON.stringify(attempt)}\n`);
  }

  /** A run begins, or begins again. */
  run(number: number): void {
    this.#write(`run ${number}\n`);
  }

  /** One more step of it begins. */
  step(): void {
    this.#write('.');
  }

  /** The device /dev/port goes on to the next port after each byte. */
  #write(text: string): void {
    for (const byte of Buffer.from(text)) {
      this.#byte[0] = byte;
      writeSync(this.#ports, this.#byte, 0, 1, this.#port);
    }
  }
}

/** The last thing that a black box tells: what was tried, in which run, and how many steps of it had begun. */
export interface LastNote {
  readonly attempt: unknown;
  readonly run: number;
  readonly performed: number;
}

/** Reads a black box; undefined where nothing was tried yet. */
export function readBlackBox(text: string): LastNote | undefined {
  const lines = text.split('\n');
  const attemptAt = lines.findLastIndex((line) => /^\.*try /.test(line));
  // A line that was cut off announces nothing that has begun.
  if (attemptAt < 0 || attemptAt === lines.length - 1) return undefined;
  const runAt = lines.findLastIndex((line) => /^\.*run \d+$/.test(line));
  if (runAt < attemptAt || runAt === lines.length - 1) return undefined;
  return {
    attempt: JSON.parse(lines[attemptAt]!.replace(/^\.*try /, '')),
    run: Number(/\d+$/.exec(lines[runAt]!)![0]),
    performed: /^\.*/.exec(lines[runAt + 1]!)![0].length,
  };
}

export const BLACK_BOX_VARIABLE = 'ROXCHECK_BLACK_BOX_PORT';
