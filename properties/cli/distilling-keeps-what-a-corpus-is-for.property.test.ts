import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { smallestCover } from '../../src/engine/campaign/smallest-cover.ts';
import { documentOf, emptyFolder, roxcheck } from './in-process.ts';

const items = fc.array(
  fc.record({
    points: fc.array(fc.constantFrom(...'abcdefghij'), { maxLength: 6 }).map((points) => new Set(points)),
    cost: fc.integer({ min: 1, max: 9 }),
  }),
  { maxLength: 12 },
);

test('a cover covers everything, and none of it can be left out', () => {
  fc.assert(
    fc.property(items, (all) => {
      const kept = smallestCover(all);
      const covered = (some: typeof all) => new Set(some.flatMap(({ points }) => [...points]));
      expect(covered([...kept])).toEqual(covered(all));
      for (const item of kept) expect(covered(kept.filter((one) => one !== item)).size).toBeLessThan(covered(all).size);
    }),
    { numRuns: 300, seed: 1 },
  );
});

/** A folder of shelf traces: two that do the same, one that covers more, one that kills the fault. */
function corpus(): string {
  const folder = emptyFolder();
  mkdirSync(join(folder, 'old/deep'), { recursive: true });
  const traces: Readonly<Record<string, string>> = {
    'a.trace': 'suite: shelf\n\nbox1 = put(size: 5)\n',
    'b.trace': 'suite: shelf\n\nbox1 = put(size: 6)\n',
    'deep/c.trace': 'suite: shelf\n\nbox1 = put(size: 60)\nbox2 = put(size: 60)\nremove(box1)\n',
    'd.trace':
      'suite: shelf\nfault: room-forgotten\nexpect: violates within-room\n\nbox1 = put(size: 60)\nbox2 = put(size: 60)\n',
  };
  for (const [name, text] of Object.entries(traces)) writeFileSync(join(folder, 'old', name), text);
  return folder;
}

test('the traces that matter are named, and copied as they are', async () => {
  const folder = corpus();
  const ended = await roxcheck('distill old --out new --json', { folder });
  expect(ended.exitCode).toBe(0);
  expect(documentOf(ended)).toMatchObject({ kept: ['old/d.trace', 'old/deep/c.trace'], traces: 4, killed: 1 });
  expect(readdirSync(join(folder, 'new'), { recursive: true }).sort()).toEqual(['d.trace', 'deep', 'deep/c.trace']);
  for (const name of ['d.trace', 'deep/c.trace']) {
    expect(readFileSync(join(folder, 'new', name), 'utf8')).toBe(readFileSync(join(folder, 'old', name), 'utf8'));
  }
  expect(readdirSync(join(folder, 'old')).length).toBe(4);
  expect((await roxcheck('replay new', { folder })).exitCode).toBe(0);
});

test('distilling what is distilled keeps all of it', async () => {
  const folder = corpus();
  await roxcheck('distill old --out new', { folder });
  expect((await roxcheck('distill new', { folder })).out).toMatch(/\n2 traces of 2 do the work of all: \d+ ways/);
});

test('what cannot be distilled is said', async () => {
  const folder = corpus();
  mkdirSync(join(folder, 'empty'));
  writeFileSync(join(folder, 'old/x.trace'), 'suite: shelf\n\nbox1 = putt(size: 5)\n');
  expect(await roxcheck('distill empty', { folder })).toMatchObject({
    exitCode: 2,
    err: 'empty: the folder holds no .trace files\n',
  });
  expect((await roxcheck('distill old', { folder })).err).toMatch(/^old\/x\.trace:3:8: there is no operation "putt"/);
  expect((await roxcheck('distill absent', { folder })).exitCode).toBe(2);
});
