import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runConformanceFile } from '../../src/conform/bpf-conformance.ts';

const folder = process.env.BPF_CONFORMANCE_DIR;

describe('the public conformance suite', () => {
  it.skipIf(folder === undefined).each(['interpret', 'jit'] as const)(
    'passes, but for what Linux does not have: %s',
    (mode) => {
      const names = readdirSync(folder!, { recursive: true, encoding: 'utf8' }).filter((name) =>
        name.endsWith('.data'),
      );
      expect(names.length).toBeGreaterThan(0);
      const verdicts = names.map((name) => ({
        name,
        ...runConformanceFile(readFileSync(join(folder!, name), 'utf8'), mode),
      }));
      expect(verdicts.filter(({ kind }) => kind === 'failed')).toEqual([]);
      const skipped = verdicts.flatMap((verdict) =>
        verdict.kind === 'skipped' ? [`${verdict.name}: ${verdict.reason}`] : [],
      );
      console.log(
        `${names.length - skipped.length} of ${names.length} conformance files passed; skipped: ${skipped.join(', ') || 'none'}`,
      );
    },
  );

  it.runIf(folder === undefined)('was not looked at', () => {
    console.log('skipped: BPF_CONFORMANCE_DIR does not name a folder of .data files');
  });
});

describe('a conformance file', () => {
  it('is judged by its result, its error, and its raw words', () => {
    expect(runConformanceFile('-- asm\nmov r0, 5\nexit\n-- result\n0x5\n', 'jit')).toEqual({ kind: 'passed' });
    expect(runConformanceFile('-- asm\nmov r0, 5\nexit\n-- result\n0x6\n', 'jit')).toMatchObject({ kind: 'failed' });
    expect(runConformanceFile('-- asm\ncall runtime 0x2a\nexit\n-- result\n0x0\n-- error\n', 'jit')).toEqual({
      kind: 'passed',
    });
    expect(
      runConformanceFile('-- asm\nmov r0, 5\nexit\n-- raw\n0x00000005000000b7\n0x95\n-- result\n5\n', 'jit'),
    ).toEqual({
      kind: 'passed',
    });
    expect(runConformanceFile('-- asm\nmov r0, 5\nexit\n-- raw\n0x95\n-- result\n5\n', 'jit')).toMatchObject({
      kind: 'failed',
    });
  });

  it('that cannot be assembled is told by line and by what was expected', () => {
    const verdict = runConformanceFile('-- asm\nmov r0, 5\nmove r0, 5\nexit\n-- result\n5\n', 'jit');
    expect(verdict).toEqual({ kind: 'failed', difference: 'line 2: expected a mnemonic in "move r0, 5"' });
  });
});
