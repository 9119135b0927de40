import { InputError } from '../input-error.ts';

/**
 * A cursor over trace text. It reads the smallest parts (names, words, blanks) straight from the string, without a list of
 * tokens, because a trace may hold a million steps; line and column are counted only when there is a mistake to show.
 */
export class Scanner {
  readonly text: string;
  /** The offset of the next character. */
  at = 0;

  constructor(text: string) {
    this.text = text;
    if (text.charCodeAt(0) === BYTE_ORDER_MARK) this.at = 1;
  }

  /** The code of the next character; NaN at the end of the file. */
  peek(): number {
    return this.text.charCodeAt(this.at);
  }

  atEnd(): boolean {
    return this.at >= this.text.length;
  }

  /** Passes over spaces and tabs, and the carriage returns of foreign line ends. */
  skipBlanks(): void {
    while (classOf(this.text.charCodeAt(this.at)) & BLANK) this.at++;
  }

  /** Passes over one character if it is the next. */
  take(code: number): boolean {
    if (this.text.charCodeAt(this.at) !== code) return false;
    this.at++;
    return true;
  }

  /** Passes over blanks and then demands this character. `instead` says what else could have stood there. */
  demand(code: number, instead?: string): void {
    this.skipBlanks();
    if (this.take(code)) return;
    const expected = `"${String.fromCharCode(code)}"`;
    this.expected(instead === undefined ? expected : `${instead} or ${expected}`);
  }

  /** A name of an operation, argument, result or header key: a letter, then letters, digits, `_`, `-`. Empty if none stands here. */
  name(): string {
    return this.#run(NAME);
  }

  /** A bare word as a value: a name that may also hold `.`, `/` and `|`. Empty if none stands here. */
  word(): string {
    return this.#run(NAME | WORD);
  }

  /** The rest of the line without comment, without blanks at its ends. A `#` begins a comment only after a blank. */
  restOfLine(): string {
    const { text } = this;
    const from = this.at;
    while (this.at < text.length && text.charCodeAt(this.at) !== NEWLINE) {
      if (text.charCodeAt(this.at) === HASH && (this.at === from || classOf(text.charCodeAt(this.at - 1)) & BLANK))
        break;
      this.at++;
    }
    return text.slice(from, this.at).trim();
  }

  /** What stands behind a `#`, up to the end of the line. */
  comment(): string {
    const from = this.at + 1;
    const newline = this.text.indexOf('\n', from);
    this.at = newline < 0 ? this.text.length : newline;
    return this.text.slice(from, this.at).trimEnd();
  }

  /** Reports a mistake: what was expected at `at`, and what stands there. */
  expected(what: string, at = this.at): never {
    return this.fail(`expected ${what}, found ${this.#found(at)}`, at);
  }

  /** Reports a mistake at an offset. */
  fail(message: string, at = this.at): never {
    throw new InputError(message, this.placeOf(at));
  }

  /** The line and column of an offset, counted from 1. */
  placeOf(at: number): { readonly line: number; readonly column: number } {
    let line = 1;
    let start = 0;
    for (let next = this.text.indexOf('\n'); next >= 0 && next < at; next = this.text.indexOf('\n', start)) {
      line++;
      start = next + 1;
    }
    return { line, column: at - start + 1 };
  }

  #run(classes: number): string {
    const { text } = this;
    const from = this.at;
    if (!(classOf(text.charCodeAt(from)) & NAME_START)) return '';
    let end = from + 1;
    while (classOf(text.charCodeAt(end)) & classes) end++;
    this.at = end;
    return text.slice(from, end);
  }

  #found(at: number): string {
    if (at >= this.text.length) return 'the end of the file';
    if (this.text.charCodeAt(at) === NEWLINE) return 'the end of the line';
    let end = at + 1;
    while (end < at + LONGEST_QUOTE && classOf(this.text.charCodeAt(end - 1)) & classOf(this.text.charCodeAt(end)))
      end++;
    return JSON.stringify(this.text.slice(at, end));
  }
}

export const NEWLINE = 10;
export const QUOTE = 34;
export const HASH = 35;
export const OPEN_PARENTHESIS = 40;
export const CLOSE_PARENTHESIS = 41;
export const COMMA = 44;
export const MINUS = 45;
export const COLON = 58;
export const EQUALS = 61;
export const OPEN_BRACKET = 91;
export const CLOSE_BRACKET = 93;
export const OPEN_BRACE = 123;
export const CLOSE_BRACE = 125;

const BYTE_ORDER_MARK = 0xfeff;
/** The most characters of the user's text that a message repeats. */
const LONGEST_QUOTE = 40;

const BLANK = 1;
const NAME_START = 2;
const NAME = 4;
const WORD = 8;

const CLASSES = new Uint8Array(128);
const mark = (characters: string, classes: number) => {
  for (const character of characters) CLASSES[character.charCodeAt(0)]! |= classes;
};
mark(' \t\r', BLANK);
mark('abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_', NAME_START | NAME);
mark('0123456789-', NAME);
mark('./|', WORD);

/** The character's classes; 0 beyond ASCII and at the end of the text, where the code is NaN. */
function classOf(code: number): number {
  return code < 128 ? CLASSES[code]! : 0;
}

export function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}
