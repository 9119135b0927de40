import { expect, test } from 'vitest';
import { InputError } from '../../src/language/input-error.ts';
import { parseTrace } from '../../src/language/trace-text/parse.ts';
import { suites } from './vocabulary.ts';

/** A text with a mistake, where it stands, and what is said about it. */
const mistakes: readonly (readonly [text: string, place: string, message: string | RegExp])[] = [
  ['sute: text', '1:1', 'a trace has no header line "sute"; did you mean "suite"?'],
  ['suite: text\nsuite: text', '2:1', 'the header line "suite" stands here for the second time'],
  ['kernel:', '1:8', 'expected a value for "kernel", found the end of the file'],
  ['kernel: 6.17', '1:9', 'there is no kernel "6.17"; known are 6.18, execmem-proposal, 6.1'],
  ['suite: test', '1:8', 'there is no suite "test"; known are text, other'],
  ['suite: other\nkernel: 6.18', '2:9', 'there is no kernel of the suite other called "6.18"; known are 6.1'],
  [
    'fault: free-leave-old-text',
    '1:8',
    'there is no fault "free-leave-old-text"; did you mean "free-leaves-old-text"?',
  ],
  ['expect: violates nothing', '1:9', /^there is no law "nothing"/],
  ['expect: hold', '1:9', 'expected "holds", "violates LAW", "known BUG" or "diverges", found "hold"'],
  ['format: 2', '1:9', 'this release reads format 1, not "2"'],
  ['machine: cpus', '1:10', 'expected a machine setting as key=value, found "cpus"'],
  ['machine: a=1 a=2', '1:14', 'the machine setting "a" stands here for the second time'],
  ['pack_aloc(length: 1)', '1:1', 'there is no operation "pack_aloc"; did you mean "pack_alloc"?'],
  ['a = pack_alloc(length: 1)\nkernel: 6.18', '2:1', 'the header line "kernel" stands behind the first step'],
  ['a, b = split-area(at: 1, how: "6.18")', '1:8', /is an operation of the suites text, other; say in the head/],
  ['bpf_jit_binary_pack_free(prog1)', '1:26', 'there is no prog made above that is called "prog1"; none is known here'],
  ['a = pack_alloc(length: 1)\na = pack_alloc(length: 1)', '2:1', '"a" already names what line 1 makes'],
  ['a = pack_alloc(length: 0)', '1:24', '"length" takes an integer from 1 to 4194304, found 0'],
  ['a = pack_alloc(length: 1, lenght: 1)', '1:27', /called "lenght"; did you mean "length"\?$/],
  ['a = pack_alloc(length: 1, length: 1)', '1:27', '"length" is given for the second time'],
  ['a = pack_alloc()', '1:16', 'bpf_jit_binary_pack_alloc needs an integer from 1 to 4194304 for "length"'],
  ['a = pack_alloc(length: 1', '1:25', 'expected "," or ")", found the end of the file'],
  ['a = pack_alloc(length: )', '1:24', 'expected an integer from 1 to 4194304 for "length", found ")"'],
  ['a = pack_alloc(length: 1) exit', '1:27', 'expected the end of the line, found "exit"'],
  ['a = pack_alloc(length: 1,)', '1:26', 'expected "align: ..." or "offset: ...", found ")"'],
  ['pack_alloc(length: 1)', '1:1', 'bpf_jit_binary_pack_alloc makes prog, but 0 names are given before "="'],
  ['a, b = pack_alloc(length: 1)', '1:1', 'bpf_jit_binary_pack_alloc makes prog, but 2 names are given before "="'],
  ['suite: text\na, b = split-area(at: 1, how: "6.18")\nbpf_jit_binary_pack_free(a)', '3:26', /but "a" is a area$/],
  ['p = program {\nr0 = 1\n', '1:13', 'the block that begins here has no closing "}"'],
  ['p = program {\nr0 = 1\nr0 = x\n}', '3:1', 'expected an instruction, found "r0 = x"'],
  ['p = program', '1:12', 'expected "(", found the end of the file'],
  ['a = pack_alloc(length: 1) {\n}', '1:27', 'bpf_jit_binary_pack_alloc takes no block'],
  ['\0\x01\x02', '1:1', 'expected a header line or a step, found "\\u0000"'],
  ['= 5', '1:1', 'expected a header line or a step, found "="'],
];

test.each(mistakes)('%j is a mistake at %s', (text, place, message) => {
  let error: unknown;
  try {
    parseTrace(text, suites);
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toBeInstanceOf(InputError);
  const { message: said, place: where } = error as InputError;
  if (typeof message === 'string') expect(said).toBe(message);
  else expect(said).toMatch(message);
  expect(`${where.line}:${where.column}`).toBe(place);
});
