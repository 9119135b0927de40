import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { bash, PROJECT, spawnRoxcheck } from './built-command.ts';
import { documentOf, emptyFolder, roxcheck } from './in-process.ts';

const EXAMPLE = ['--with', join(PROJECT, 'examples/counter.js')];

test("a user's own suite runs, fails under its fault, and its saved trace replays", async () => {
  const folder = emptyFolder();
  const held = await spawnRoxcheck(['run', 'counter', ...EXAMPLE, '--json'], { folder });
  expect(held.err).toBe('');
  expect(documentOf(held)).toMatchObject({ exitCode: 0, suites: [{ suite: 'counter', verdict: 'holds', runs: 200 }] });
  const words = ['run', '--fault', 'limit-forgotten', '--seed', 'demo', ...EXAMPLE];
  const broken = await spawnRoxcheck(words, { folder });
  expect(broken.exitCode).toBe(1);
  // The same seed prints the same trace in any process.
  const traceOf = ({ out }: { readonly out: string }) => /^ +add\(amount: .*\n +add\(amount: .*$/m.exec(out)?.[0];
  expect(traceOf(broken)).toBeDefined();
  expect(traceOf(await roxcheck(words.join(' '), { folder: emptyFolder() }))).toBe(traceOf(broken));
  const command = /npx roxcheck (replay .*\.trace)/.exec(broken.out)?.[1] ?? '';
  expect(command).toContain('failures/counter-within-limit.trace');
  const replayed = await spawnRoxcheck(command.split(' '), { folder });
  expect(replayed.out).toContain('ok    failures/counter-within-limit.trace: violates within-limit');
  expect(replayed.exitCode).toBe(0);
});

test('--version and --help answer with 0, no verb at all with help and 2', async () => {
  const { version } = JSON.parse(readFileSync(join(PROJECT, 'package.json'), 'utf8')) as { version: string };
  const said = await spawnRoxcheck(['--version']);
  expect(said).toEqual({ exitCode: 0, out: `${version}\n`, err: '' });
  const [help, helpOfRun] = await Promise.all([roxcheck('--help'), roxcheck('run --help')]);
  const nothing = await spawnRoxcheck([]);
  expect(help.exitCode).toBe(0);
  for (const verb of ['main', 'run', 'shrink', 'replay', 'list', 'explain', 'conform'])
    expect(help.out).toContain(verb);
  for (const option of [
    '--seed',
    '--runs',
    '--steps',
    '--for',
    '--kernel',
    '--machine',
    '--fault',
    '--save',
    '--json',
  ]) {
    expect(helpOfRun.out).toContain(option);
  }
  expect(nothing.exitCode).toBe(2);
  expect(nothing.err).toContain('Usage: roxcheck');
});

test('Ctrl-C ends a run with a summary and 130', async () => {
  const ended = await spawnRoxcheck(['run', 'counter', ...EXAMPLE, '--for', '60s'], {
    folder: emptyFolder(),
    atFirstOutput: (child) => setTimeout(() => child.kill('SIGINT'), 200),
  });
  expect(ended.exitCode).toBe(130);
  expect(ended.out).toMatch(/counter .* holds/);
  expect(ended.out).toContain('stopped');
  expect(ended.err).toBe('');
});

test('a reader that goes away is no error, and ends long work', async () => {
  const listed = await bash('set -o pipefail; roxcheck list kernels --with examples/counter.js | true');
  expect(listed.err).toBe('');
  expect(listed.exitCode).toBe(0);
  // The row of the first suite is what meets the closed pipe; the other suites are not run any more.
  const words = 'run counter counter counter --with examples/counter.js --for 900ms';
  const run = await bash(`set -o pipefail; roxcheck ${words} | head -c 1`);
  expect(run).toEqual({ exitCode: 141, out: 's', err: '' });
});

test('output that cannot be written is said, not lost', async () => {
  const ended = await bash('roxcheck list suites --with examples/counter.js > /dev/full');
  expect(ended.exitCode).toBe(2);
  expect(ended.err).toMatch(/^the output cannot be written: .*ENOSPC.*\n$/);
});

test('a trace that cannot be saved for want of room is one message and 2', async () => {
  const folder = emptyFolder();
  const find = `roxcheck run --fault limit-forgotten --with '${EXAMPLE[1]}' --seed demo`;
  const ended = await bash(
    `${find} > /dev/null; roxcheck shrink failures/*.trace --with '${EXAMPLE[1]}' --out /dev/full`,
    folder,
  );
  expect(ended.exitCode).toBe(2);
  expect(ended.err).toBe('/dev/full: cannot be saved: the disk is full; free some space or choose another folder\n');
  expect(readdirSync(join(folder, 'failures'))).toEqual(['counter-within-limit.trace']);
});

test('colours appear only where they are wanted', async () => {
  const list = 'roxcheck list suites --with examples/counter.js';
  const [plain, forced, forbidden] = await Promise.all([
    bash(list),
    bash(`FORCE_COLOR=1 ${list}`),
    bash(`NO_COLOR=1 FORCE_COLOR=1 ${list}`),
  ]);
  expect(forced.out).toContain('\u001b[1m');
  expect(plain.out).not.toContain('\u001b');
  expect(forbidden.out).toBe(plain.out);
});
