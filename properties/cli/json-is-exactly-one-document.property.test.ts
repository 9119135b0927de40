import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { documentOf, emptyFolder, roxcheck } from './in-process.ts';
import { broken, idle, shelf } from './toy-suites.ts';

const envelope = { tool: 'roxcheck', version: expect.stringMatching(/^\d+\.\d+\.\d+/) };

test('run tells each suite with its verdict', async () => {
  const ended = await roxcheck('run --seed s --json', { suites: [shelf, idle] });
  expect(ended.exitCode).toBe(1);
  expect(ended.err).toBe('');
  const base = { target: 'model', seed: 's', seconds: expect.any(Number), known: [] };
  expect(documentOf(ended)).toMatchObject({
    ...envelope,
    exitCode: 1,
    suites: [
      { ...base, suite: 'shelf', kernel: 'new', runs: 100, steps: expect.any(Number), verdict: 'holds' },
      {
        ...base,
        suite: 'idle',
        kernel: 'new',
        runs: 5,
        verdict: 'vacuous',
        reason: expect.stringContaining('never-asked'),
      },
    ],
  });
});

test('run tells a failure with its law and its trace', async () => {
  const ended = await roxcheck('run --fault room-forgotten --seed s --json');
  expect(ended.exitCode).toBe(1);
  expect(documentOf(ended)).toMatchObject({
    exitCode: 1,
    suites: [
      {
        verdict: 'violates',
        law: 'within-room',
        tracePath: 'failures/shelf-within-room.trace',
        traceSteps: expect.any(Number),
        shrinkExecutions: expect.any(Number),
      },
    ],
  });
});

test('a suite without the wanted kernel is skipped, and an error when it was named', async () => {
  const ended = await roxcheck('run --kernel old --json', { suites: [shelf, idle] });
  expect(ended.exitCode).toBe(0);
  expect(documentOf(ended)).toMatchObject({
    suites: [
      { suite: 'shelf', kernel: 'old', verdict: 'holds' },
      { suite: 'idle', kernel: 'old', verdict: 'skipped', reason: 'the suite idle has no kernel old; it has new' },
    ],
  });
  const named = await roxcheck('run idle --kernel old', { suites: [shelf, idle] });
  expect(named.exitCode).toBe(2);
  expect(named.err).toBe('the suite idle has no kernel old; it has new\n');
});

test('every kernel runs when all are asked for', async () => {
  const ended = await roxcheck('run --kernel all --runs 3 --json', { suites: [shelf, idle] });
  const { suites } = documentOf(ended) as { suites: { suite: string; kernel: string }[] };
  expect(suites.map(({ suite, kernel }) => `${suite} ${kernel}`)).toEqual(['shelf new', 'shelf old', 'idle new']);
});

test('a bug of our own is exit code 3 with a message', async () => {
  const ended = await roxcheck('run broken --json', { suites: [broken] });
  expect(ended.exitCode).toBe(3);
  expect(documentOf(ended)).toMatchObject({
    exitCode: 3,
    error: { message: expect.stringContaining('stumbled') },
    suites: [{ verdict: 'model-bug' }],
  });
});

test('Ctrl-C ends a run with 130 and what was done, unless something was found', async () => {
  let asked = 0;
  const stop = () => (++asked > 3 ? 'interrupted' : undefined) as 'interrupted';
  const ended = await roxcheck('run --json', { stop });
  expect(ended.exitCode).toBe(130);
  expect(documentOf(ended)).toMatchObject({ exitCode: 130, suites: [{ suite: 'shelf', verdict: 'holds' }] });
});

test('a time ends a run of any length', async () => {
  const ended = await roxcheck('run --for 200ms --json', { suites: [shelf, idle] });
  expect(ended.exitCode).toBe(0);
  const { suites } = documentOf(ended) as { suites: { runs: number; verdict: string }[] };
  expect(suites.map(({ verdict }) => verdict)).toEqual(['holds', 'holds']);
});

test('replay tells each trace with what was expected and what came', async () => {
  const folder = emptyFolder();
  mkdirSync(join(folder, 'corpus/deep'), { recursive: true });
  writeFileSync(join(folder, 'corpus/b.trace'), 'box1 = place(size: 5)\nremove(box1)\nremove(box1)\n');
  writeFileSync(join(folder, 'corpus/deep/a.trace'), 'expect: violates within-room\n\nbox1 = put(size: 5)\n');
  const ended = await roxcheck('replay --json', { folder });
  expect(ended.exitCode).toBe(1);
  expect(documentOf(ended)).toMatchObject({
    ...envelope,
    exitCode: 1,
    traces: [
      { path: 'corpus/b.trace', expected: 'holds', actual: 'holds', ok: true, skipped: 1 },
      { path: 'corpus/deep/a.trace', expected: 'violates within-room', actual: 'holds', ok: false },
    ],
  });
});

test.each([
  ['suites', 'suites', { name: 'shelf', sentence: 'Boxes on a shelf.', kernels: ['new', 'old'] }],
  ['operations', 'operations', { name: 'put', suites: ['shelf'], takes: ['size'], makes: ['box'] }],
  ['laws', 'laws', { name: 'within-room', sentence: 'The boxes never need more room than there is.' }],
  [
    'faults',
    'faults',
    {
      name: 'room-forgotten',
      story: 'A box is put wherever any room is left.',
      breaks: 'within-room',
      kernel: 'new',
      suite: 'shelf',
      source: 'made up',
    },
  ],
  ['kernels', 'kernels', { name: 'new', sentence: expect.any(String), suites: ['shelf'] }],
  ['kernel-bugs', 'kernelBugs', { name: 'thirteen', sentence: 'Boxes of size 13 leave a hole.', kernels: ['old'] }],
])('list %s', async (what, key, first) => {
  const ended = await roxcheck(`list ${what} --json`);
  expect(ended.exitCode).toBe(0);
  const document = documentOf(ended);
  expect(document).toMatchObject({ ...envelope, exitCode: 0 });
  expect((document[key] as object[])[0]).toMatchObject(first);
  const text = await roxcheck(`list ${what}`);
  expect(text.out).toContain(`${first.name}\n    `);
});

test('a suite for which no time is left is skipped, not said to hold', async () => {
  let asked = 0;
  const stop = () => (++asked > 1 ? 'interrupted' : undefined) as 'interrupted';
  const ended = await roxcheck('run --json', { stop });
  expect(ended.exitCode).toBe(130);
  expect(documentOf(ended)).toMatchObject({
    suites: [{ suite: 'shelf', verdict: 'skipped', reason: 'no time was left', runs: 0 }],
  });
});
