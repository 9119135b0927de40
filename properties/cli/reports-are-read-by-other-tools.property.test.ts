import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { CaseGroup, CaseOutcome } from '../../src/report/reporters/findings-for-tools.ts';
import { github } from '../../src/report/reporters/github.ts';
import { jsonLines } from '../../src/report/reporters/json-lines.ts';
import { junit } from '../../src/report/reporters/junit.ts';
import { ktap } from '../../src/report/reporters/ktap.ts';
import { emptyFolder, roxcheck } from './in-process.ts';
import { broken, idle, shelf } from './toy-suites.ts';

const suites = [shelf, idle, broken];

const word = fc.string({ unit: 'binary', maxLength: 12 });
const outcome: fc.Arbitrary<CaseOutcome> = fc.oneof(
  fc.constant({ kind: 'passed' as const }),
  fc.record({ kind: fc.constant('skipped' as const), reason: word }),
  fc.record({ kind: fc.constantFrom('failed' as const, 'error' as const), message: word, details: fc.array(word) }),
);
const groups: fc.Arbitrary<readonly CaseGroup[]> = fc.array(
  fc.record({
    name: word,
    seconds: fc.double({ min: 0, max: 1e6, noNaN: true }),
    properties: fc.dictionary(fc.stringMatching(/^[a-z]+$/), word),
    cases: fc.array(fc.record({ name: word, outcome }), { maxLength: 4 }),
  }),
  { maxLength: 3 },
);

const casesOf = (all: readonly CaseGroup[]) => all.flatMap(({ cases }) => cases);
const failedIn = (all: readonly CaseGroup[]) =>
  casesOf(all).filter(({ outcome: { kind } }) => kind === 'failed' || kind === 'error').length;

test('JUnit XML is well-formed whatever the text, and counts what it holds', () => {
  fc.assert(
    fc.property(groups, (all) => {
      const xml = junit(all);
      expect(wellFormed(xml)).toBe(true);
      expect(xml.match(/<testcase /g)?.length ?? 0).toBe(casesOf(all).length);
      expect(xml.match(/<(?:failure|error) /g)?.length ?? 0).toBe(failedIn(all));
    }),
    { numRuns: 200, seed: 1 },
  );
});

test('KTAP has the planned number of results, in order, whatever the text', () => {
  fc.assert(
    fc.property(groups, (all) => {
      const lines = ktap(all).split('\n');
      expect(lines.slice(0, 2)).toEqual(['KTAP version 1', `1..${all.length}`]);
      const top = lines.filter((line) => /^(?:not )?ok /.test(line)).map((line) => Number(/\d+/.exec(line)![0]));
      expect(top).toEqual(all.map((_, index) => index + 1));
      const inner = lines.filter((line) => /^ {4}(?:not )?ok \d+/.test(line));
      expect(inner.length).toBe(casesOf(all).length);
      expect(inner.filter((line) => line.trimStart().startsWith('not ok')).length).toBe(failedIn(all));
      for (const line of lines)
        expect(line).toMatch(/^(?: {4})?(?:KTAP version 1|1\.\.\d+|# ?.*|(?:not )?ok \d+ .*)?$/u);
    }),
    { numRuns: 200, seed: 2 },
  );
});

test('each failed case is one workflow command of GitHub, on one line', () => {
  fc.assert(
    fc.property(groups, (all) => {
      const lines = github(all).split('\n').slice(0, -1);
      expect(lines.length).toBe(failedIn(all));
      for (const line of lines) expect(line).toMatch(/^::error title=[^:,\r]*(?:%3A)[^:,\r]*::[^\r]*$/u);
    }),
    { numRuns: 200, seed: 3 },
  );
});

test('each JSON line is an object by itself', () => {
  fc.assert(
    fc.property(groups, (all) => {
      const lines = jsonLines(all).split('\n').slice(0, -1);
      const events = lines.map((line) => (JSON.parse(line) as { readonly event: string }).event);
      expect(events.filter((event) => event === 'case').length).toBe(casesOf(all).length);
      expect(events.filter((event) => event === 'group').length).toBe(all.length);
    }),
    { numRuns: 200, seed: 4 },
  );
});

test('a run reports its laws as cases, in several formats at once', async () => {
  const folder = emptyFolder();
  const words = '--report junit=out/j.xml --report ktap=k --report github=g --report jsonl=l';
  const ended = await roxcheck(`run --seed s ${words}`, { suites, folder });
  expect(ended.exitCode).toBe(3);
  const read = (path: string) => readFileSync(join(folder, path), 'utf8');
  expect(read('out/j.xml')).toContain('<testcase name="within-room" classname="shelf on new"/>');
  expect(read('out/j.xml')).toContain('<testsuite name="broken on new" tests="2" failures="0" errors="1" skipped="0"');
  expect(read('k')).toContain('    ok 1 within-room\nok 1 shelf on new\n');
  expect(read('k')).toContain('    # never had anything to judge\n    not ok 1 never-asked\nnot ok 2 idle on new\n');
  expect(read('g')).toContain('::error title=idle on new%3A never-asked::never had anything to judge\n');
  expect(read('l')).toContain('{"event":"case","group":"shelf on new","name":"within-room","outcome":"passed"}\n');
});

test('a found failure is reported with its saved trace', async () => {
  const ended = await roxcheck('run --fault room-forgotten --seed s --report github');
  expect(ended.exitCode).toBe(1);
  expect(ended.out).toMatch(
    /^::error file=failures\/shelf-within-room\.trace,line=1,title=shelf on new%3A within-room::\d+ of 100 used%0A.*\n$/,
  );
});

test('replayed traces are cases', async () => {
  const folder = emptyFolder();
  mkdirSync(join(folder, 'old'));
  writeFileSync(join(folder, 'old/good.trace'), 'suite: shelf\n\nbox1 = put(size: 5)\n');
  writeFileSync(join(folder, 'old/bad.trace'), 'suite: shelf\nexpect: violates within-room\n\nbox1 = put(size: 5)\n');
  const ended = await roxcheck('replay old --report ktap', { folder });
  expect(ended.exitCode).toBe(1);
  expect(ended.out).toBe(
    [
      'KTAP version 1',
      '1..1',
      '    KTAP version 1',
      '    1..2',
      '    # expected violates within-room, got holds',
      '    # saved as old/bad.trace',
      '    not ok 1 bad',
      '    ok 2 good',
      'not ok 1 old',
      '',
    ].join('\n'),
  );
});

test.each([
  ['run --report xml=a', /unknown|there is no report "xml"; known are junit, ktap, github, jsonl/],
  ['run --report junit=', /Expected a file behind "junit="/],
  ['run --report junit --report ktap', /Expected at most one report without a file/],
  ['run --report junit --json', /both want standard output/],
])('%s is the user mistake that it is', async (words, message) => {
  const ended = await roxcheck(words);
  expect(ended.exitCode).toBe(2);
  expect(ended.err + ended.out).toMatch(message);
});

test('a report that cannot be written is said, and outweighs what was found', async () => {
  const folder = emptyFolder();
  mkdirSync(join(folder, 'taken'));
  const ended = await roxcheck('run --seed s --report junit=taken', { folder });
  expect(ended.exitCode).toBe(2);
  expect(ended.err).toContain('taken: cannot be saved');
});

/** A small reader of XML: tags nest, attributes are quoted, references are known, characters are allowed. */
function wellFormed(xml: string): boolean {
  const open: string[] = [];
  const body = xml.replace(/^<\?xml[^?]*\?>\n/, '');
  const token = /<(\/?)([a-z]+)((?: [a-z]+="[^"<]*")*)(\/?)>|([^<]+)/gy;
  let end = 0;
  for (const { 0: whole, 1: closes, 2: name, 3: attributes = '', 4: empty, 5: text = '', index } of body.matchAll(
    token,
  )) {
    if (index !== end) return false;
    end += whole.length;
    if (/&(?!(?:amp|lt|gt|quot|#\d+);)/.test(attributes + text)) return false;
    if (/[^\t\n\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u.test(attributes + text)) return false;
    if (closes === '/' && open.pop() !== name) return false;
    if (name !== undefined && closes !== '/' && empty !== '/') open.push(name);
  }
  return end === body.length && open.length === 0;
}
