import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseTrace } from '../../src/language/trace-text/parse.ts';
import { printTrace } from '../../src/language/trace-text/print.ts';
import { randomTrace } from './random-trace.ts';
import { SAMPLE, suites } from './vocabulary.ts';

test('print then parse is the identity on 10,000 random traces', () => {
  fc.assert(
    fc.property(randomTrace, (trace) => {
      expect(parseTrace(printTrace(trace), suites)).toEqual(trace);
    }),
    { numRuns: 10_000, seed: 1 },
  );
});

test('parse then print keeps every character of a text in its plain form', () => {
  expect(printTrace(parseTrace(SAMPLE, suites))).toBe(SAMPLE);
});

test('parse then print keeps the comments of a text in any form', () => {
  const text =
    '#head\r\nsuite: text # why\n\n\n#one\nprog1 = pack_alloc( length : 0x10 )# two\n' +
    'p=program{ \n # three\n  exit # four\n\n} #five\n#six';
  const printed = printTrace(parseTrace(text, suites));
  expect(printed).toBe(
    [
      '#head',
      '# why',
      'suite: text',
      '',
      '#one',
      'prog1 = bpf_jit_binary_pack_alloc(length: 16)  # two',
      '# three',
      '# four',
      'p = program {',
      '  exit',
      '}  #five',
      '#six',
      '',
    ].join('\n'),
  );
  expect(printTrace(parseTrace(printed, suites))).toBe(printed);
});
