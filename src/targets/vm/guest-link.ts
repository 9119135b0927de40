/**
 * What a guest and its host say to each other: one line a message, over a serial port of the guest. The content is JSON in base64,
 * so that no terminal setting of the guest's kernel (carriage returns, echo) can change it; lines that are no messages are
 * left alone.
 */
export type GuestMessage =
  /** The guest is up, and the verb begins. */
  | { readonly kind: 'hello'; readonly release: string }
  /** Something that the verb printed. */
  | { readonly kind: 'out' | 'err'; readonly text: string }
  /** A file that the verb has left, in base64, with its path from the folder that it worked in. */
  | { readonly kind: 'file'; readonly path: string; readonly content: string }
  /** The verb has ended, with an exit code or by a signal. */
  | { readonly kind: 'end'; readonly exitCode: number | null; readonly signal: string | null };

/** The line of a message, with its end. */
export function messageLine(message: GuestMessage): string {
  return `${MARK}${Buffer.from(JSON.stringify(message)).toString('base64')}\n`;
}

/** Puts messages together from the pieces in which bytes come. */
export class MessageReader {
  readonly #decoder = new TextDecoder('latin1');
  #rest = '';

  /** The messages that are whole now. */
  read(bytes: Uint8Array): readonly GuestMessage[] {
    const lines = (this.#rest + this.#decoder.decode(bytes, { stream: true })).split('\n');
    this.#rest = lines.pop()!;
    return lines.flatMap((line) => {
      const at = line.indexOf(MARK);
      if (at < 0) return [];
      const text = Buffer.from(line.slice(at + MARK.length).trim(), 'base64').toString();
      return [JSON.parse(text) as GuestMessage];
    });
  }
}

/** What the host says when the verb is to end: a line, as from somebody who types. */
export const STOP_LINE = 'stop\n';

const MARK = 'roxcheck:';

/** What a guest is to do, in a file of its first root file system. */
export interface GuestJob {
  readonly words: readonly string[];
  /** Where the verb works, and what it leaves is fetched from. */
  readonly folder: string;
  readonly colour: boolean;
  /** Milliseconds after which the guest ends by itself, lest it outlives a host that was killed. */
  readonly patience: number;
}

export const JOB_FILE = '/job.json';
