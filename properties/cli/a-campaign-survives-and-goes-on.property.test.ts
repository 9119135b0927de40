import { appendFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { StopReason } from '../../src/cli/surroundings.ts';
import { bash, spawnRoxcheck } from './built-command.ts';
import { documentOf, type Ended, emptyFolder, roxcheck } from './in-process.ts';

const BUGGY = 'run --fault room-forgotten --seed s --runs 40 --save found';

interface Findings {
  readonly findings: readonly { readonly law: string; readonly tracePath: string; readonly count: number }[];
}
const findingsOf = (ended: Ended) => (documentOf(ended) as unknown as Findings).findings;

test('a campaign goes on past what it finds, counts it, and tells it once', async () => {
  const folder = emptyFolder();
  const ended = await roxcheck(`${BUGGY} --jobs 2 --json`, { folder });
  expect(ended.exitCode).toBe(1);
  expect(documentOf(ended)).toMatchObject({
    suites: [{ suite: 'shelf', runs: 40, verdict: 'violates', law: 'within-room' }],
    findings: [
      {
        suite: 'shelf',
        kernel: 'new',
        law: 'within-room',
        operation: 'put',
        tracePath: 'found/shelf-within-room.trace',
        traceSteps: expect.any(Number),
        shrinkExecutions: expect.any(Number),
        count: expect.any(Number),
      },
    ],
  });
  expect(findingsOf(ended)[0]!.count).toBeGreaterThan(10);
  expect((await roxcheck('replay found', { folder })).exitCode).toBe(0);
  const text = await roxcheck(`${BUGGY} --keep-going`, { folder });
  expect(text.out).toMatch(/\nmet \d+ times, first found in run \d+, shrunk from \d+ to \d+ steps/);
  expect(text.out).toMatch(/\n1 finding, \d+ ways to meet an operation covered/);
  // The very same trace is there already.
  expect(readdirSync(join(folder, 'found')).filter((name) => name.endsWith('.trace'))).toHaveLength(1);
});

test('the one finding of a plain run is in its document too', async () => {
  const [finding] = findingsOf(await roxcheck('run --fault room-forgotten --seed s --json'));
  expect(finding).toMatchObject({ law: 'within-room', tracePath: 'failures/shelf-within-room.trace', count: 1 });
});

test('known failures are counted and are no reason to fail', async () => {
  const folder = emptyFolder();
  await roxcheck(BUGGY, { folder });
  writeFileSync(join(folder, 'a'), '# all that is known\nwithin-room after put # for years\n');
  writeFileSync(join(folder, 'b'), 'shelf: within-room');
  writeFileSync(join(folder, 'c'), 'found/shelf-within-room.trace\n');
  for (const list of ['a', 'b', 'c']) {
    const ended = await roxcheck(`${BUGGY} --known ${list} --json`, { folder });
    expect(ended.exitCode).toBe(0);
    expect(documentOf(ended)).toMatchObject({
      suites: [{ verdict: 'holds' }],
      findings: [{ law: 'within-room', known: expect.stringMatching(/within-room/) }],
    });
  }
});

test.each([
  ['within-rom', /^list:1:1: there is no law "within-rom"; did you mean "within-room"\?$/],
  ['within-room after putt', /^list:1:1: there is no operation "putt"; known are put, remove$/],
  ['shelv: within-room', /^list:1:1: there is no suite "shelv"/],
  ['\n  what is this?', /^list:2:3: expected "LAW", "LAW after OPERATION"/],
  ['missing.trace', /^missing\.trace: cannot be read: there is no such file or folder$/],
  ['# nothing\n', /^list: the list names no known failure$/],
  [
    'within-room after remove',
    /^list: the list matches nothing: this campaign met none of "within-room after remove"$/,
  ],
])('a list of known failures with %j is explained', async (text, message) => {
  const folder = emptyFolder();
  writeFileSync(join(folder, 'list'), text);
  const ended = await roxcheck(`${BUGGY} --known list`, { folder });
  expect(ended.exitCode).toBe(2);
  expect(ended.err.trim()).toMatch(message);
});

test('Ctrl-C ends a campaign with its summary, and resuming comes to the end it would have had', async () => {
  const whole = findingsOf(await roxcheck(`${BUGGY} --jobs 1 --json`));
  const folder = emptyFolder();
  let asked = 0;
  const stop = () => (++asked > 6 ? 'interrupted' : undefined) as StopReason;
  const stopped = await roxcheck(`${BUGGY} --jobs 1`, { folder, stop });
  expect(stopped.out).toContain('not complete; go on with\n  npx roxcheck run --resume found\n');
  const resumed = await roxcheck('run --resume found --jobs 2 --json', { folder });
  expect(resumed.exitCode).toBe(1);
  expect(findingsOf(resumed)).toEqual(whole);
  const quiet = await roxcheck('run --seed s --jobs 1', { stop: () => 'interrupted' });
  expect(quiet.exitCode).toBe(130);
});

test('a journal that was cut in its last line goes on from the line before', async () => {
  const folder = emptyFolder();
  const whole = findingsOf(await roxcheck(`${BUGGY} --jobs 1 --json`, { folder }));
  const path = join(folder, 'found/campaign.jsonl');
  const bytes = readFileSync(path);
  writeFileSync(path, bytes.subarray(0, bytes.length / 2));
  const resumed = await roxcheck('run --resume found --json', { folder });
  expect(findingsOf(resumed)).toEqual(whole);
});

/** A folder with a campaign whose journal was edited. */
async function edited(edit: (text: string) => string): Promise<string> {
  const folder = emptyFolder();
  await roxcheck('run --seed s --runs 5 --jobs 1 --save found', { folder });
  const path = join(folder, 'found/campaign.jsonl');
  writeFileSync(path, edit(readFileSync(path, 'utf8')));
  return folder;
}

test.each([
  [
    'another version',
    (text: string) => text.replace(/"version":"[^"]*"/, '"version":"0.0.9"'),
    /begun by roxcheck 0\.0\.9/,
  ],
  ['no whole line', (text: string) => text.slice(0, 20), /cut in its first line/],
  [
    'a damaged line',
    (text: string) => text.replace('\n{"job"', '\n{"jo'),
    /^found\/campaign\.jsonl:2:1: .*damaged here/,
  ],
  ['foreign JSON', () => '{"a":1}\n', /no journal of a campaign/],
])('a folder with %s is not resumed, and nothing in it is touched', async (_name, edit, message) => {
  const folder = await edited(edit);
  const before = readFileSync(join(folder, 'found/campaign.jsonl'), 'utf8');
  const ended = await roxcheck('run --resume found', { folder });
  expect(ended.exitCode).toBe(2);
  expect(ended.err).toMatch(message);
  expect(readFileSync(join(folder, 'found/campaign.jsonl'), 'utf8')).toBe(before);
  expect(readdirSync(join(folder, 'found'))).toEqual(['campaign.jsonl']);
});

test('what cannot be resumed, or not so, is said', async () => {
  const folder = await edited((text) => text);
  mkdirSync(join(folder, 'empty'));
  const wrong: readonly (readonly [string, RegExp])[] = [
    ['run --resume absent', /^absent: there is no such folder/],
    ['run --resume empty', /^empty: the folder holds no campaign\.jsonl/],
    ['run --resume found --seed t', /--resume takes no --seed/],
    ['run shelf --resume found', /--resume takes no names of suites/],
  ];
  for (const [words, message] of wrong) {
    const ended = await roxcheck(words, { folder });
    expect(ended.exitCode).toBe(2);
    expect(ended.err).toMatch(message);
  }
});

test('a second campaign in the folder is refused, and one that was killed holds nobody up', async () => {
  const folder = emptyFolder();
  mkdirSync(join(folder, 'found'));
  const lock = join(folder, 'found/campaign.lock');
  const stat = readFileSync('/proc/self/stat', 'utf8');
  const started = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  writeFileSync(lock, `${process.pid} ${started}\n`);
  const refused = await roxcheck(BUGGY.replace('run', 'run --jobs 1'), { folder });
  expect(refused.exitCode).toBe(2);
  expect(refused.err).toMatch(/^found: another campaign works in this folder \(process \d+\)/);
  expect(readdirSync(join(folder, 'found'))).toEqual(['campaign.lock']);
  writeFileSync(lock, `${process.pid} 1\n`);
  expect((await roxcheck(BUGGY.replace('run', 'run --jobs 1'), { folder })).exitCode).toBe(1);
});

test('a journal that cannot grow ends the campaign with what it has, and can be gone on with', async () => {
  const folder = emptyFolder();
  const words = `--with '${join(process.cwd(), 'examples/counter.js')}' --jobs 1`;
  // A limit on the size of files comes as a full disk does: in the middle of a line.
  const limited = await bash(`ulimit -f 2; roxcheck run counter --seed s --runs 3000 --save kept ${words}`, folder);
  expect(limited.exitCode).toBe(2);
  expect(limited.err).toBe('kept: cannot be written: the file is too big\n');
  expect(limited.out).toMatch(/\nnot complete; go on with\n {2}npx roxcheck run --with \S+ --resume kept\n$/);
  const resumed = await bash(`roxcheck run --resume kept --json ${words}`, folder);
  expect(documentOf(resumed)).toMatchObject({
    suites: [{ runs: 3_000, verdict: 'holds' }],
    campaign: { complete: true },
  });
});

test('after kill -9 at any moment the built command goes on in threads and finds the same', async () => {
  const folder = emptyFolder();
  const counter = join(process.cwd(), 'examples/counter.js');
  const words = ['--with', counter, '--jobs', '2', '--json'];
  const begin = ['run', '--fault', 'limit-forgotten', '--seed', 's', '--runs', '1500', ...words];
  const whole = await spawnRoxcheck([...begin, '--save', 'whole'], { folder });
  const killed = spawnRoxcheck([...begin, '--save', 'cut'], {
    folder,
    atStart: (child) => {
      const journal = join(folder, 'cut/campaign.jsonl');
      const watch = setInterval(() => {
        try {
          if (readFileSync(journal, 'utf8').split('\n').length < 4) return;
        } catch {
          return;
        }
        clearInterval(watch);
        child.kill('SIGKILL');
      }, 5);
    },
  });
  expect((await killed).out).toBe('');
  appendFileSync(join(folder, 'cut/campaign.jsonl'), '{"job":0,"at":');
  const resumed = await spawnRoxcheck(['run', '--resume', 'cut', ...words], { folder });
  const plain = (ended: Ended) =>
    findingsOf(ended).map((finding) => ({ ...finding, tracePath: finding.tracePath.replace(/^\w+\//, '') }));
  expect(plain(resumed)).toEqual(plain(whole));
  expect(resumed.exitCode).toBe(1);
});
