import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { documentOf, roxcheck } from '../cli/in-process.ts';

interface LiveDocument {
  readonly release: string;
  readonly profile: string;
  readonly features: readonly { readonly feature: string; readonly state: string; readonly remedy?: string }[];
}

interface AuditDocument {
  readonly verdict: 'holds' | 'violates' | 'skipped';
  readonly reason?: string;
  readonly leaves: number;
  readonly regions: readonly { readonly region: string; readonly leaves: Readonly<Record<string, number>> }[];
  readonly laws: readonly { readonly name: string; readonly judged: number; readonly broken: readonly unknown[] }[];
}

test('live names every feature, its state, and what to do where it is missing', async () => {
  const ended = await roxcheck('live --json');
  expect(ended.exitCode).toBe(0);
  const { features, profile } = documentOf(ended) as unknown as LiveDocument;
  expect(profile).toMatch(/^\d/);
  expect(features.map(({ feature }) => feature)).toContain('page tables');
  for (const { state, remedy } of features) {
    expect(['available', 'not permitted', 'not supported']).toContain(state);
    expect(remedy === undefined).toBe(state === 'available');
  }
  const text = await roxcheck('live');
  for (const { feature } of features) expect(text.out).toContain(feature);
});

test('audit judges every law or says why it cannot', async () => {
  const ended = await roxcheck('audit --json');
  const { verdict, reason, leaves, regions, laws } = documentOf(ended) as unknown as AuditDocument;
  if (verdict === 'skipped') {
    console.log(`skipped: ${reason}`);
    expect(ended.exitCode).toBe(0);
    return;
  }
  const broken = laws.filter((law) => law.broken.length > 0);
  expect(ended.exitCode).toBe(broken.length > 0 ? 1 : 0);
  expect(verdict).toBe(broken.length > 0 ? 'violates' : 'holds');
  expect(laws).toHaveLength(5);
  const counted = regions.flatMap((region) => Object.values(region.leaves)).reduce((sum, count) => sum + count, 0);
  expect(counted).toBe(leaves);
  const direct = regions.find(({ region }) => region === 'direct map')!;
  const judged = laws.find(({ name }) => name === 'direct-map-is-never-executable')!.judged;
  expect(Object.values(direct.leaves).reduce((sum, count) => sum + count, 0)).toBe(judged);
});

describe('without privileges', () => {
  const bin = fileURLToPath(new URL('../../bin/roxcheck.js', import.meta.url));
  const nobody = { uid: 65534, gid: 65534 };

  /** Why another user cannot be asked here; undefined where it can. */
  function obstacle(): string | undefined {
    if (process.getuid?.() !== 0) return 'only root can become another user';
    try {
      accessSync(fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url)), constants.R_OK);
    } catch {
      return 'the command is not built';
    }
    const read = spawnSync(process.execPath, ['-e', `require('fs').accessSync(${JSON.stringify(bin)})`], nobody);
    return read.status === 0 ? undefined : 'another user cannot read the project';
  }

  const reason = obstacle();
  if (reason !== undefined) console.log(`skipped: ${reason}`);

  test.skipIf(reason !== undefined)('both verbs answer with exit code 0 and what is missing', () => {
    const ask = (verb: string) => {
      const { status, stdout } = spawnSync(process.execPath, [bin, verb, '--json'], { ...nobody, encoding: 'utf8' });
      return { status, document: JSON.parse(stdout) as unknown };
    };
    const live = ask('live');
    expect(live.status).toBe(0);
    const { features } = live.document as LiveDocument;
    expect(features.find(({ feature }) => feature === 'page tables')?.state).not.toBe('available');
    expect(ask('audit')).toMatchObject({ status: 0, document: { verdict: 'skipped' } });
  });
});
