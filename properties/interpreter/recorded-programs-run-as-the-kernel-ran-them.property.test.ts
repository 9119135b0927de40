import { existsSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { readJitLine } from '../../src/conform/jit-line.ts';
import { JitRuns } from '../../src/conform/jit-run.ts';

const recording = ['corpus/golden', '../shared/golden']
  .map((folder) => `${folder}/jit-6.18.jsonl.gz`)
  .find((path) => existsSync(path));

describe('recorded programs', () => {
  it.skipIf(recording === undefined)('return and write the same in the kernel, the interpreter and the CPU', () => {
    const lines = gunzipSync(readFileSync(recording!)).toString().trim().split('\n').map(readJitLine);
    const runs = new JitRuns();
    const verdicts = lines.map((line) => ({ line: line.name, ...runs.judge(line) }));
    expect(verdicts.filter(({ kind }) => kind === 'different')).toEqual([]);
    const equal = verdicts.filter(({ kind }) => kind === 'equal').length;
    expect(equal).toBeGreaterThan(0.98 * lines.length);
    const reasons = new Map<string, number>();
    for (const verdict of verdicts) {
      if (verdict.kind === 'not-comparable') reasons.set(verdict.reason, (reasons.get(verdict.reason) ?? 0) + 1);
    }
    console.log(
      `${equal} of ${lines.length} recorded programs ran alike; not comparable:`,
      Object.fromEntries(reasons),
    );
  });

  it.runIf(recording === undefined)('were not looked at', () => {
    console.log('skipped: there is no jit-6.18.jsonl.gz in corpus/golden');
  });
});
