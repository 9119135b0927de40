import { describe, expect, it } from 'vitest';
import { performJitRecording } from '../../src/conform/jit-recording.ts';
import { readRecording, recordingNames } from './recordings.ts';

describe('what real kernels compiled', () => {
  it('is recorded for the host kernel and ten others', () => {
    expect(recordingNames.length).toBe(22);
  });

  it.each(recordingNames)('comes out of the model in every byte of code and exception tables: %s', (name) => {
    const { lines, meta } = readRecording(name);
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
