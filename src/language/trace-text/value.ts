import { fromHex, toHex } from '../../base/bytes.ts';
import { Expected, type Syntax } from '../argument.ts';
import type { Parameter } from './lexicon.ts';
import { CLOSE_BRACKET, COMMA, isDigit, MINUS, OPEN_BRACKET, QUOTE, type Scanner } from './scanner.ts';

/**
 * The values of trace text, both ways: integers (decimal or 0x), words (bare, or quoted as JSON strings where they hold
 * other characters), byte strings `x"cc90"` and lists. Blocks are statements' affair: see the parser and the printer.
 */

/** Reads one value. Lists may nest as deep as the text likes: open lists are kept in an array, not on the stack. */
export function readValue(scanner: Scanner, parameter: Parameter): Syntax {
  const open: Syntax[][] = [];
  for (;;) {
    scanner.skipBlanks();
    let value: Syntax | undefined;
    if (scanner.take(OPEN_BRACKET)) {
      scanner.skipBlanks();
      if (!scanner.take(CLOSE_BRACKET)) {
        open.push([]);
        continue;
      }
      value = { kind: 'list', items: [] };
    } else {
      value = readScalar(scanner, open.length === 0 ? parameter : undefined);
    }
    value = closeLists(scanner, open, value);
    if (value !== undefined) return value;
  }
}

/** Puts a value where it belongs: it is the answer when no list is open; undefined when a list goes on behind a comma. */
function closeLists(scanner: Scanner, open: Syntax[][], value: Syntax): Syntax | undefined {
  let closed = value;
  for (let list = open.at(-1); list !== undefined; list = open.at(-1)) {
    list.push(closed);
    scanner.skipBlanks();
    if (scanner.take(COMMA)) return undefined;
    scanner.demand(CLOSE_BRACKET, '","');
    closed = { kind: 'list', items: list };
    open.pop();
  }
  return closed;
}

/** Without a parameter the value is an item of a list. */
function readScalar(scanner: Scanner, parameter: Parameter | undefined): Syntax {
  const code = scanner.peek();
  if (isDigit(code) || code === MINUS) return readInteger(scanner);
  if (code === QUOTE) return { kind: 'word', word: readQuoted(scanner) };
  const at = scanner.at;
  const word = scanner.word();
  if (word === '') scanner.expected(parameter === undefined ? 'an item of the list' : whatItTakes(parameter));
  if (word === 'x' && scanner.peek() === QUOTE) {
    const bytes = fromHex(readQuoted(scanner));
    return bytes === undefined
      ? scanner.fail('expected an even number of hexadecimal digits between x" and "', at)
      : { kind: 'bytes', bytes };
  }
  return { kind: 'word', word };
}

/** What may stand for an argument, for messages. A word that means nothing makes the argument say it. */
export function whatItTakes({ argument, name, makes }: Parameter): string {
  if (makes !== undefined) return `the name of a ${makes} for "${name}"`;
  const answer = argument.read({ kind: 'word', word: '' });
  return answer instanceof Expected ? `${answer.what} for "${name}"` : `a value for "${name}"`;
}

/** More digits than any argument can mean; converting a longer text would cost more than reading it. */
const MOST_DIGITS = 100;

function readInteger(scanner: Scanner): Syntax {
  const { text } = scanner;
  const from = scanner.at;
  const negative = text.charCodeAt(from) === MINUS;
  const start = negative ? from + 1 : from;
  const hexadecimal = text.startsWith('0x', start);
  let end = hexadecimal ? start + 2 : start;
  const firstDigit = end;
  while (hexadecimal ? isHexDigit(text.charCodeAt(end)) : isDigit(text.charCodeAt(end))) end++;
  if (end === firstDigit) scanner.expected(hexadecimal ? 'hexadecimal digits behind 0x' : 'digits', end);
  if (end - firstDigit > MOST_DIGITS) scanner.fail(`an integer of ${end - firstDigit} digits is too long`, from);
  scanner.at = end;
  const digits = text.slice(start, end);
  const magnitude = digits.length <= 15 ? BigInt(Number(digits)) : BigInt(digits);
  return { kind: 'integer', value: negative ? -magnitude : magnitude, base: hexadecimal ? 16 : 10 };
}

function isHexDigit(code: number): boolean {
  return isDigit(code) || (code >= 65 && code <= 70) || (code >= 97 && code <= 102);
}

/** A JSON string on one line. */
function readQuoted(scanner: Scanner): string {
  const { text } = scanner;
  const from = scanner.at;
  let end = from + 1;
  for (;;) {
    const code = text.charCodeAt(end);
    if (code === QUOTE) break;
    if (end >= text.length || code === 10) scanner.fail('the string that begins here has no closing quote', from);
    end += code === 92 ? 2 : 1;
  }
  scanner.at = end + 1;
  try {
    return JSON.parse(text.slice(from, scanner.at)) as string;
  } catch {
    return scanner.fail('expected a string as JSON writes it (\\n, \\", \\\\, \\u0041 are its escapes)', from);
  }
}

/** Prints what {@link readValue} reads. */
export function printValue(value: Syntax): string {
  switch (value.kind) {
    case 'integer':
      return value.base === 16 ? printHex(value.value) : value.value.toString();
    case 'word':
      return BARE_WORD.test(value.word) ? value.word : JSON.stringify(value.word);
    case 'bytes':
      return `x"${toHex(value.bytes)}"`;
    case 'list':
      return `[${value.items.map(printValue).join(', ')}]`;
    case 'block':
      return `{ ${value.lines.join('; ')} }`;
  }
}

const BARE_WORD = /^[A-Za-z_][A-Za-z0-9_\-./|]*$/;

function printHex(value: bigint): string {
  return value < 0n ? `-0x${(-value).toString(16)}` : `0x${value.toString(16)}`;
}
