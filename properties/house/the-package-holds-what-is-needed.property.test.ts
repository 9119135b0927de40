import { execFile } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { PROJECT } from './sources.ts';

interface Packed {
  readonly files: readonly { readonly path: string; readonly mode: number }[];
}

const NEEDED = [
  'package.json',
  'README.md',
  'LICENSE',
  'bin/roxcheck.js',
  'dist/roxcheck.js',
  'dist/roxcheck.d.ts',
  'dist/cli/main.js',
];

const WELCOME = [
  /^dist\/.*\.(?:js|d\.ts)$/,
  /^corpus\/(?!golden\/).*\.trace$/,
  /^corpus\/core\/(?:README\.md|[a-z-]+\.[co])$/,
  /^(?:package\.json|README\.md|LICENSE|bin\/roxcheck\.js)$/,
];

test('npm pack takes what is needed and nothing else', async () => {
  const pack = promisify(execFile)('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: PROJECT });
  const [packed] = JSON.parse((await pack).stdout) as [Packed];
  const paths = packed.files.map(({ path }) => path);
  expect(NEEDED.filter((path) => !paths.includes(path))).toEqual([]);
  expect(paths.filter((path) => !WELCOME.some((pattern) => pattern.test(path)))).toEqual([]);
});

test('what package.json names is there', () => {
  const manifest = JSON.parse(readFileSync(join(PROJECT, 'package.json'), 'utf8')) as {
    readonly bin: Readonly<Record<string, string>>;
    readonly exports: { readonly '.': { readonly types: string; readonly default: string } };
  };
  expect(manifest.bin).toEqual({ roxcheck: 'bin/roxcheck.js' });
  expect(statSync(join(PROJECT, 'bin/roxcheck.js')).mode & 0o111).toBe(0o111);
  for (const path of Object.values(manifest.exports['.'])) expect(statSync(join(PROJECT, path)).isFile()).toBe(true);
});
