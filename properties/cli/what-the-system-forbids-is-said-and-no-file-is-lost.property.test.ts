import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readText, saveAs, saveNew } from '../../src/cli/files.ts';
import { emptyFolder, roxcheck } from './in-process.ts';

/** Does something as a user whom permissions bind; root is not. */
async function asOrdinaryUser<Result>(act: () => Promise<Result>): Promise<Result> {
  if (process.geteuid?.() !== 0) return act();
  process.seteuid?.(65_534);
  try {
    return await act();
  } finally {
    process.seteuid?.(0);
  }
}

test('a folder without permission is named, and the failure is told nevertheless', async () => {
  const folder = emptyFolder();
  mkdirSync(join(folder, 'mine'));
  chmodSync(join(folder, 'mine'), 0o555);
  chmodSync(folder, 0o755);
  const ended = await asOrdinaryUser(() => roxcheck('run --fault room-forgotten --seed demo --save mine', { folder }));
  expect(ended.exitCode).toBe(2);
  expect(ended.err).toBe('mine/shelf-within-room.trace: cannot be saved: permission denied\n');
  expect(ended.out).toContain('violates within-room');
});

test('a trace without permission is named', async () => {
  const folder = emptyFolder();
  writeFileSync(join(folder, 'secret.trace'), 'suite: shelf\n', { mode: 0o000 });
  chmodSync(folder, 0o755);
  const ended = await asOrdinaryUser(() => roxcheck('replay secret.trace', { folder }));
  expect(ended).toEqual({ exitCode: 2, out: '', err: 'secret.trace: cannot be read: permission denied\n' });
});

test('a new file never takes the place of another', () => {
  const folder = emptyFolder();
  const paths = ['one', 'two', 'three'].map((text) => saveNew(join(folder, 'deep/er'), 'name', '.trace', text));
  expect(paths.map((path) => readFileSync(path, 'utf8'))).toEqual(['one', 'two', 'three']);
  expect(readdirSync(join(folder, 'deep/er')).sort()).toEqual(['name-2.trace', 'name-3.trace', 'name.trace']);
});

test('a file is replaced as a whole, and nothing else is left behind', () => {
  const folder = emptyFolder();
  saveAs(join(folder, 'a.trace'), 'old');
  saveAs(join(folder, 'a.trace'), 'new');
  expect(readFileSync(join(folder, 'a.trace'), 'utf8')).toBe('new');
  expect(readdirSync(folder)).toEqual(['a.trace']);
  mkdirSync(join(folder, 'b.trace'));
  expect(() => saveAs(join(folder, 'b.trace'), 'text')).toThrow('it is a folder');
  expect(readdirSync(folder)).toEqual(['a.trace', 'b.trace']);
});

test('text with a byte order mark or a strange character is text', () => {
  const folder = emptyFolder();
  writeFileSync(join(folder, 'a'), '\ufeff# \u00e9 \ufffd\n');
  expect(readText(join(folder, 'a'))).toBe('\ufeff# \u00e9 \ufffd\n');
});
