import { CLOSE_BRACE, HASH, NEWLINE, type Scanner } from './scanner.ts';

/** The lines between `{` and `}`, without blank ones and without comments, with the offsets where they begin. */
interface Block {
  readonly lines: readonly string[];
  readonly offsets: readonly number[];
  readonly comments: readonly string[];
}

/** Reads a block; the scanner stands at its `{`. What the lines mean is their argument's affair. */
export function readBlock(scanner: Scanner): Block {
  const from = scanner.at;
  const lines: string[] = [];
  const offsets: number[] = [];
  const comments: string[] = [];
  scanner.at++;
  for (let first = true; ; first = false) {
    scanner.skipBlanks();
    const at = scanner.at;
    if (!first && scanner.take(CLOSE_BRACE)) return { lines, offsets, comments };
    const line = scanner.restOfLine();
    if (first && line !== '') scanner.expected('the end of the line behind "{"', at);
    if (line !== '') {
      lines.push(line);
      offsets.push(at);
    }
    if (scanner.peek() === HASH) comments.push(scanner.comment());
    if (!scanner.take(NEWLINE)) scanner.fail('the block that begins here has no closing "}"', from);
  }
}
