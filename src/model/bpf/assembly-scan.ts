/** Reads one line of text from left to right and says where and what was expected when it does not go on. */

/** Thrown inside the parser and turned into a value at its edge. Columns count from 1. */
export class Unexpected extends Error {
  override readonly name = 'Unexpected';
  readonly column: number;

  constructor(expected: string, column: number, found: string) {
    super(`expected ${expected}, found ${found === '' ? 'the end of the line' : JSON.stringify(found)}`);
    this.column = column;
  }
}

export class Scanner {
  readonly text: string;
  position = 0;

  constructor(text: string) {
    this.text = text;
  }

  /** Goes behind `word` if that comes next, spaces ignored; a word of letters must end there. */
  take(word: string): boolean {
    this.skipSpaces();
    if (!this.text.startsWith(word, this.position)) return false;
    const end = this.position + word.length;
    if (/\w$/.test(word) && /^\w/.test(this.text.slice(end))) return false;
    this.position = end;
    return true;
  }

  expect(word: string): void {
    if (!this.take(word)) this.fail(JSON.stringify(word));
  }

  /** What a sticky pattern matches here, with its groups; undefined when it does not. */
  match(pattern: RegExp): RegExpExecArray | undefined {
    this.skipSpaces();
    pattern.lastIndex = this.position;
    const found = pattern.exec(this.text);
    if (found === null) return undefined;
    this.position = pattern.lastIndex;
    return found;
  }

  /** A decimal or hexadecimal integer with an optional sign, between `least` and `greatest`. */
  integer(what: string, least: bigint, greatest: bigint): bigint {
    this.skipSpaces();
    const start = this.position;
    const found = this.match(/[+-]?(0x[0-9a-fA-F]+|\d+)\b/y);
    if (found === undefined) return this.fail(what);
    const [text] = found;
    const magnitude = BigInt(text.replace(/^[+-]/, ''));
    const value = text.startsWith('-') ? -magnitude : magnitude;
    if (value >= least && value <= greatest) return value;
    this.position = start;
    return this.fail(`${what} from ${least} to ${greatest}`);
  }

  atEnd(): boolean {
    this.skipSpaces();
    return this.position === this.text.length;
  }

  fail(expected: string): never {
    this.skipSpaces();
    throw new Unexpected(expected, this.position + 1, /^(\w+|\S?)/.exec(this.text.slice(this.position))![0]);
  }

  private skipSpaces(): void {
    while (this.text[this.position] === ' ' || this.text[this.position] === '\t') this.position++;
  }
}
