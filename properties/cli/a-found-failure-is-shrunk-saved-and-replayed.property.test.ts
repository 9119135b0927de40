import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { documentOf, emptyFolder, roxcheck } from './in-process.ts';

test('a planted fault is found in its own suite and kernel, and its minimal trace replays', async () => {
  const folder = emptyFolder();
  const ran = await roxcheck('run --fault room-forgotten --seed demo', { folder });
  expect(ran.exitCode).toBe(1);
  expect(ran.err).toBe('');
  expect(ran.out).toContain('fault room-forgotten: A box is put wherever any room is left.');
  expect(ran.out).toContain('shelf on new violates within-room:');
  expect(ran.out).toContain('npx roxcheck replay failures/shelf-within-room.trace');
  const text = readFileSync(join(folder, 'failures/shelf-within-room.trace'), 'utf8');
  expect(text).toMatch(/^# found by seed "demo" in run \d+, shrunk from \d+ steps?\nkernel: new\nsuite: shelf\n/);
  const replayed = await roxcheck('replay failures', { folder });
  expect(replayed.exitCode).toBe(0);
  expect(replayed.out).toContain('ok    failures/shelf-within-room.trace: violates within-room');
});

test('the same seed finds the same failure, and keeps the older file', async () => {
  const folder = emptyFolder();
  await roxcheck('run shelf --fault room-forgotten --seed demo', { folder });
  await roxcheck('run shelf --fault room-forgotten --seed demo', { folder });
  const names = readdirSync(join(folder, 'failures')).sort();
  expect(names).toEqual(['shelf-within-room-2.trace', 'shelf-within-room.trace']);
  const [first, second] = names.map((name) => readFileSync(join(folder, 'failures', name), 'utf8'));
  expect(second).toBe(first);
});

test('the good twin of a found trace holds, and is not what a failing trace expects', async () => {
  const folder = emptyFolder();
  await roxcheck('run --fault room-forgotten --seed demo --save found', { folder });
  const bad = readFileSync(join(folder, 'found/shelf-within-room.trace'), 'utf8');
  const withoutFault = bad.replace(/fault: .*\n/, '');
  writeFileSync(join(folder, 'good.trace'), withoutFault.replace(/expect: .*\n/, 'expect: holds\n'));
  writeFileSync(join(folder, 'stale.trace'), withoutFault);
  expect((await roxcheck('replay good.trace', { folder })).exitCode).toBe(0);
  const stale = await roxcheck('replay stale.trace', { folder });
  expect(stale.exitCode).toBe(1);
  expect(stale.out).toContain('FAIL  stale.trace: expected violates within-room, got holds');
});

test('a trace from a file is shrunk beside it', async () => {
  const folder = emptyFolder();
  const puts = Array.from({ length: 9 }, (_, index) => `box${index + 1} = put(size: ${40 + index})`);
  const text = `suite: shelf\nfault: room-forgotten\n\n${puts.join('\n')}\nremove(box3)\n`;
  writeFileSync(join(folder, 'long.trace'), text);
  const shrunk = await roxcheck('shrink long.trace --json', { folder });
  expect(shrunk.exitCode).toBe(0);
  const { tracePath, traceSteps, stepsBefore, law } = documentOf(shrunk);
  expect({ tracePath, stepsBefore, law }).toEqual({ tracePath: 'long.min.trace', stepsBefore: 10, law: 'within-room' });
  expect(traceSteps).toBeLessThanOrEqual(3);
  const minimal = readFileSync(join(folder, 'long.min.trace'), 'utf8');
  expect(minimal).toContain('kernel: new\nsuite: shelf\nfault: room-forgotten\nexpect: violates within-room\n');
  expect((await roxcheck('replay long.min.trace', { folder })).exitCode).toBe(0);
  expect(readFileSync(join(folder, 'long.trace'), 'utf8')).toBe(text);
});

test('a known kernel bug is counted, not reported, and a trace may expect it', async () => {
  const folder = emptyFolder();
  const ran = await roxcheck('run shelf --kernel old --seed known --runs 300 --json', { folder });
  expect(ran.exitCode).toBe(0);
  expect(documentOf(ran)).toMatchObject({ suites: [{ kernel: 'old', verdict: 'holds', known: ['thirteen'] }] });
  writeFileSync(
    join(folder, 'known.trace'),
    'kernel: old\nsuite: shelf\nexpect: known thirteen\n\nbox1 = put(size: 13)\nremove(box1)\n',
  );
  const replayed = await roxcheck('replay known.trace', { folder });
  expect(replayed.out).toContain('ok    known.trace: known thirteen');
  expect(replayed.exitCode).toBe(0);
});

test('a story tells each step, what it showed, and why the law is broken', async () => {
  const folder = emptyFolder();
  writeFileSync(
    join(folder, 'bad.trace'),
    'suite: shelf\nfault: room-forgotten\nexpect: violates within-room\n\n' +
      'box1 = put(size: 60)\nbox2 = put(size: 60)\nremove(box1)\n',
  );
  const told = await roxcheck('explain bad.trace', { folder });
  expect(told.exitCode).toBe(0);
  expect(told.out).toBe(
    [
      'shelf on new',
      'The fault room-forgotten is planted: A box is put wherever any room is left.',
      'The trace goes on for 1 step behind the end of the story.',
      '',
      '1. box1 = put(size: 60)',
      '   showed used 60',
      '   changed 1 Shelf',
      '   Shelf.used from 0 to 60',
      '   needed',
      '   the failure stays with size from 41 on',
      '2. box2 = put(size: 60)',
      '   showed used 120',
      '   changed 1 Shelf',
      '   Shelf.used from 60 to 120',
      '   the failing step',
      '   the failure stays with size from 41 on',
      '',
      'The state after step 2 breaks the law within-room:',
      '  The boxes never need more room than there is.',
      'because',
      '  120 of 100 used',
      '',
    ].join('\n'),
  );
});
