import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { profiles } from '../../src/model/kernel/profile.ts';
import { documentOf, emptyFolder, roxcheck } from '../cli/in-process.ts';

const SMALL = 'compare --kernels 6.18,per-program-text --programs 30';

test('as a table with a row for each kernel', async () => {
  const { exitCode, out } = await roxcheck(SMALL);
  expect(exitCode).toBe(0);
  expect(out).toMatch(/^fleet: BPF programs/);
  const [, , head, ...rows] = out.trimEnd().split('\n');
  expect(head).toMatch(/^kernel +APIs +loads .*W\+X +us\/op$/);
  expect(rows.map((row) => row.split(' ')[0])).toEqual(['6.18', 'per-program-text']);
});

test('for all kernels there are', async () => {
  const { rows } = documentOf(await roxcheck('compare --kernels all --programs 3 --json')) as { rows: unknown[] };
  expect(rows).toHaveLength(profiles.size);
});

test('as one document', async () => {
  const document = documentOf(await roxcheck(`${SMALL} --json`));
  expect(document).toMatchObject({ tool: 'roxcheck', exitCode: 0, workload: 'fleet', programs: 30 });
  expect(document.rows).toMatchObject([
    { kernel: '6.18', loads: 30, unloads: 30, writableAndExecutable: 0, text: { leaves4K: 512, leaves2M: 0 } },
    { kernel: 'per-program-text', loads: 30 },
  ]);
});

test('as comma-separated values, every line with as many as the first', async () => {
  const { out } = await roxcheck(`${SMALL} --csv`);
  const lines = out.trimEnd().split(/\r?\n/);
  expect(lines).toHaveLength(3);
  const [names, ...rows] = lines.map((line) => line.split(','));
  expect(new Set(names).size).toBe(names!.length);
  for (const row of rows) expect(row).toHaveLength(names!.length);
  expect(rows[0]![names!.indexOf('loads')]).toBe('30');
});

test('as a drawing with a line for each kernel in each panel', async () => {
  const folder = emptyFolder();
  const { exitCode } = await roxcheck(`${SMALL} --plot curves.svg`, { folder });
  expect(exitCode).toBe(0);
  const svg = readFileSync(join(folder, 'curves.svg'), 'utf8');
  expect(svg).toMatch(/^<svg width="1200"/);
  for (const text of ['6.18', 'per-program-text', 'splits of the direct map', 'programs']) expect(svg).toContain(text);
});

test.each([
  ['--workload x', /there is no workload "x"; known are fleet, modules, churn, golden/],
  ['--kernels 6.99', 'there is no kernel "6.99"'],
  ['--kernels 6.18,6.18', 'the kernel 6.18 is named twice'],
  ['--kernels 6.18,,', /Expected names with commas between them/],
  ['--programs 0', /Expected a whole number from 1/],
  ['--programs 1000001', /Expected at most 1,000,000 programs/],
  ['--csv --json', /give one of them/],
  ['--plot curves.png', /Expected a file name that ends in .svg/],
  ['--operations 5', /--operations belongs to the workload churn, not to fleet/],
  ['--workload golden --programs 5', /takes no --programs/],
  ['--workload golden --plot x.svg', /nothing to --plot/],
  ['--machine cpus=0', /a number from 1 to 64/],
])('what is wrong about %s is said, with exit code 2', async (words, message) => {
  const ended = await roxcheck(`compare ${words}${words.includes('--json') ? '' : ' --json'}`);
  expect(ended.exitCode).toBe(2);
  const { error } = documentOf(ended) as { readonly error: { readonly message: string } };
  expect(error.message).toMatch(message);
});

test('a drawing that cannot be saved is the mistake of whoever named it', async () => {
  const { exitCode, err } = await roxcheck('compare --kernels 6.18 --programs 5 --plot /proc/curves.svg');
  expect(exitCode).toBe(2);
  expect(err).toMatch(/^\/proc\/curves\.svg: cannot be saved/);
});

test('the recorded work runs, and Ctrl-C ends it with what is there', async () => {
  const whole = documentOf(await roxcheck('compare --workload golden --kernels 7.3 --json'));
  expect(whole).toMatchObject({ workload: 'golden', rows: [{ kernel: '7.3', refused: 0 }] });
  const stopped = await roxcheck('compare --workload churn --kernels 7.3,6.18 --json', { stop: () => 'interrupted' });
  expect(stopped.exitCode).toBe(130);
  expect(documentOf(stopped).rows).toEqual([]);
});
