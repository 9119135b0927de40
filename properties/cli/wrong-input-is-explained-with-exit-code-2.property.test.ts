import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { documentOf, emptyFolder, roxcheck } from './in-process.ts';

/** A folder with one file of each kind of damage. */
function damagedFolder(): string {
  const folder = emptyFolder();
  const files: Readonly<Record<string, string | Buffer>> = {
    'cut.trace': 'suite: shelf\n\nbox1 = put(size: 5)\nbox2 = put(si',
    'garbage.trace': Buffer.from([0x7f, 0x45, 0x4c, 0x46, 0x02, 0xff, 0xfe, 0x00, 0x0a, 0x80]),
    'operation.trace': 'suite: shelf\nbox1 = putt(size: 5)\n',
    'early.trace': 'suite: shelf\nremove(box1)\n',
    'range.trace': 'suite: shelf\nbox1 = put(size: 61)\n',
    'law.trace': 'expect: violates within-rom\n',
    'kernel.trace': 'kernel: 6.18\n',
    'fault.trace': 'fault: rom-forgotten\n',
    'machine.trace': 'machine: cpus=2\nsuite: shelf\n',
    'none.mjs': 'export const suite = 1;',
    'half.mjs': 'export const suites = [{ name: "half" }];',
    'throws.mjs': 'throw new Error("no");',
    'empty.jsonl': '',
    'half.jsonl': '{"a": 1}\n{"b"',
    'foreign.jsonl': '{"a": 1}\n',
    'fake.jsonl.gz': Buffer.from([0x1f, 0x8b, 1, 2, 3]),
  };
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
  mkdirSync(join(folder, 'empty'));
  return folder;
}

const wrong: readonly (readonly [words: string, message: string | RegExp])[] = [
  ['replay cut.trace', 'cut.trace:4:12: expected "size: ...", found "si"'],
  ['replay garbage.trace', /^garbage\.trace:1:6: the file is not text: expected UTF-8$/],
  ['replay operation.trace', /^operation\.trace:2:8: there is no operation "putt"/],
  ['replay early.trace', 'early.trace:2:8: there is no box made above that is called "box1"; none is known here'],
  ['replay range.trace', 'range.trace:2:18: "size" takes an integer from 1 to 60, found 61'],
  ['replay law.trace', 'law.trace:1:9: there is no law "within-rom"; did you mean "within-room"?'],
  ['replay kernel.trace', 'kernel.trace:1:9: there is no kernel "6.18"; known are new, old'],
  ['replay fault.trace', 'fault.trace:1:8: there is no fault "rom-forgotten"; did you mean "room-forgotten"?'],
  ['replay machine.trace', 'machine.trace:1:10: the machine has no setting "cpus"; it has room'],
  ['replay absent.trace', 'absent.trace: cannot be read: there is no such file or folder'],
  ['replay empty', 'empty: the folder holds no .trace files'],
  ['explain empty', 'empty: cannot be read: it is a folder'],
  ['shrink range.trace', /^range\.trace:2:18: /],
  ['conform empty.jsonl', 'empty.jsonl: the file is empty'],
  ['conform half.jsonl', 'half.jsonl:2:1: expected a JSON object on one line'],
  ['conform foreign.jsonl', /^foreign\.jsonl:1:1: this is no recording of a known kind/],
  ['conform fake.jsonl.gz', 'fake.jsonl.gz: the file is damaged: it begins as gzip but cannot be unpacked'],
  ['conform absent.jsonl', 'absent.jsonl: cannot be read: there is no such file or folder'],
  ['run shelv', 'there is no suite "shelv"; did you mean "shelf"?'],
  ['run --fault room', 'there is no fault "room"; known are room-forgotten'],
  ['run --kernel 6.18', 'there is no kernel "6.18"; known are new, old'],
  ['run --machine cpus=2', 'the machine has no setting "cpus"; it has room'],
  ['run --with none.mjs', 'none.mjs: the module has no list of suites: expected `export const suites = [...]`'],
  ['run --with half.mjs', /^half\.mjs: suites\[0\]\.about is wrong: /],
  ['run --with throws.mjs', 'throws.mjs: the module cannot be loaded: no'],
  ['run --with absent.js', /^absent\.js: the module cannot be loaded: /],
];

test.each(wrong)('%s', async (words, message) => {
  const folder = damagedFolder();
  const ended = await roxcheck(words, { folder });
  expect(ended.exitCode).toBe(2);
  expect(ended.err.split('\n')).toHaveLength(2);
  const [said = ''] = ended.err.split('\n');
  if (typeof message === 'string') expect(said).toBe(message);
  else expect(said).toMatch(message);
});

test.each([
  'run --runs many',
  'run --for ever',
  'run --kernel ,',
  'run --machine cpus',
  'list lows',
  'runn',
  'run --sed 1',
])('%s is answered with a hint', async (words) => {
  const ended = await roxcheck(words);
  expect(ended.exitCode).toBe(2);
  expect(ended.err).toMatch(/^error: .+\n/);
  expect(ended.out).toBe('');
  const json = await roxcheck(`${words} --json`);
  expect(documentOf(json)).toMatchObject({ exitCode: 2, error: { message: expect.any(String) } });
  expect(json.err).toBe('');
});

test('an error in a file has its place in the JSON document', async () => {
  const ended = await roxcheck('replay range.trace --json', { folder: damagedFolder() });
  expect(ended.err).toBe('');
  expect(documentOf(ended)).toEqual({
    tool: 'roxcheck',
    version: expect.any(String),
    exitCode: 2,
    error: {
      message: '"size" takes an integer from 1 to 60, found 61',
      file: 'range.trace',
      line: 2,
      column: 18,
    },
  });
});

test('a failure that cannot be saved is still told, with the reason and exit code 2', async () => {
  const folder = emptyFolder();
  writeFileSync(join(folder, 'failures'), 'in the way');
  const ended = await roxcheck('run --fault room-forgotten --seed demo', { folder });
  expect(ended.exitCode).toBe(2);
  expect(ended.out).toContain('violates within-room');
  expect(ended.out).toContain('put(size:');
  expect(ended.err).toMatch(/failures\/shelf-within-room\.trace: cannot be saved: a file .*in the way|stands where/);
  expect(readFileSync(join(folder, 'failures'), 'utf8')).toBe('in the way');
  expect(readdirSync(folder)).toEqual(['failures']);
});
