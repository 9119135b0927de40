import { expect, test } from 'vitest';
import { Random } from '../../src/base/seed.ts';
import { InputError } from '../../src/language/input-error.ts';
import { parseTrace } from '../../src/language/trace-text/parse.ts';
import { printTrace } from '../../src/language/trace-text/print.ts';
import { SAMPLE, suites } from './vocabulary.ts';

/** One to four of: a flipped bit, a cut, a doubled or a moved piece, a foreign piece. */
function mutate(random: Random): string {
  let bytes = Buffer.from(SAMPLE);
  for (let count = random.between(1, 4); count > 0; count--) {
    const at = random.below(bytes.length + 1);
    const to = Math.min(bytes.length, at + random.below(40));
    const piece = bytes.subarray(at, to);
    const elsewhere = random.below(bytes.length + 1);
    switch (random.below(5)) {
      case 0:
        if (at < bytes.length) bytes[at]! ^= 1 << random.below(8);
        break;
      case 1:
        bytes = bytes.subarray(0, at);
        break;
      case 2:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(to)]);
        break;
      case 3:
        bytes = Buffer.concat([bytes.subarray(0, elsewhere), piece, bytes.subarray(elsewhere)]);
        break;
      default:
        bytes = Buffer.concat([bytes.subarray(0, at), Buffer.from(random.pick(PIECES)), bytes.subarray(at)]);
    }
  }
  return bytes.toString();
}

const PIECES = [
  '\0',
  '[[[[',
  ']',
  '}',
  '{',
  '"',
  'x"',
  '-',
  '0x',
  '9'.repeat(200),
  ',',
  '=',
  ':',
  '#',
  '\r',
  '\u{1f600}',
  '__proto__',
];

test('10,000 mutated files are read or explained, and what is read prints to text that is read again', () => {
  const random = new Random('mutated traces');
  const ends = { read: 0, explained: 0 };
  for (let round = 0; round < 10_000; round++) {
    const text = mutate(random);
    try {
      const printed = printTrace(parseTrace(text, suites));
      expect(printTrace(parseTrace(printed, suites))).toBe(printed);
      ends.read++;
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      expect(error.place.line).toBeGreaterThan(0);
      expect(error.place.line).toBeLessThanOrEqual(text.split('\n').length);
      expect(error.place.column).toBeGreaterThan(0);
      expect(error.message.length).toBeLessThan(400);
      ends.explained++;
    }
  }
  expect(ends.read).toBeGreaterThan(500);
  expect(ends.explained).toBeGreaterThan(5_000);
});

test('binary garbage is explained', () => {
  const random = new Random('garbage');
  for (let round = 0; round < 500; round++) {
    const text = Buffer.from(Array.from({ length: random.between(1, 200) }, () => random.below(256))).toString(
      'latin1',
    );
    try {
      parseTrace(text, suites);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
    }
  }
});

test('lists a million levels deep and a million digits are refused without deep recursion', () => {
  const nested = `area1, area2 = split-area(at: ${'['.repeat(1_000_000)}`;
  expect(() => parseTrace(`suite: text\n${nested}`, suites)).toThrow(/expected an item of the list/);
  const digits = `area1, area2 = split-area(at: ${'9'.repeat(1_000_000)})`;
  expect(() => parseTrace(`suite: text\n${digits}`, suites)).toThrow(/1000000 digits/);
});
