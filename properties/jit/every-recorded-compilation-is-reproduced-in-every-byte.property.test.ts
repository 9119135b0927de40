import { describe, expect, it } from 'vitest';
import { performJitRecording } from '../../src/conform/jit-recording.ts';
import type { RecordedLine } from '../../src/conform/recording.ts';
import { readRecording, recordingNames } from './recordings.ts';

/** Of each class every eighth program is performed here; `roxcheck conform` performs all of them. */
const STRIDE = 8;
/** What a program of these leaves in memory the next one finds. */
const IN_SEQUENCE = ['arena', 'tailcall'];

/** Every class of a recording, so every kernel and set of mitigations too, in the recorded order. */
function sample(lines: readonly RecordedLine[]): readonly RecordedLine[] {
  const seen = new Map<unknown, number>();
  return lines.filter(({ cls }) => {
    const index = seen.get(cls) ?? 0;
    seen.set(cls, index + 1);
    return IN_SEQUENCE.includes(cls as string) || index % STRIDE === 0;
  });
}

describe('what real kernels compiled', () => {
  it('is recorded for the host kernel and ten others', () => {
    expect(recordingNames.length).toBe(22);
  });

  it.each(recordingNames)('comes out of the model in every byte of code and exception tables: %s', (name) => {
    const { lines: all, meta } = readRecording(name);
    const lines = sample(all);
    expect(new Set(lines.map(({ cls }) => cls))).toEqual(new Set(all.map(({ cls }) => cls)));
    const report = performJitRecording(lines, meta);
    expect(report.firstFailures).toEqual([]);
    expect(report).toMatchObject({ cases: lines.length, passed: lines.length, failed: 0, skipped: [] });
  });

  it('is of every class, and the full recording has all of them', () => {
    const classes: Record<string, number> = {};
    for (const line of readRecording('jit-6.18.jsonl.gz').lines) {
      const { cls } = line as { readonly cls: string };
      classes[cls] = (classes[cls] ?? 0) + 1;
    }
    expect(classes).toEqual({
      ...{ alu_k: 1439, alu_x: 1387, arena: 686, atomic: 846, big: 4, blind: 178, cbpf: 7, endian: 56, exception: 9 },
      ...{ helper: 52, jmp: 1265, kfunc: 7, ld_imm64: 97, may_goto: 10, mem: 888, movsx: 192, nospec: 31 },
      ...{ priv_stack: 26, probe_mem: 230, prologue: 54, random: 322, relax: 406, skb: 61, subprog: 31, tailcall: 44 },
    });
  });
});
