import { describe, expect, it } from 'vitest';
import { describesRecording, readJitRecord } from '../../src/conform/jit-record.ts';
import { performJitRecording } from '../../src/conform/jit-recording.ts';
import type { RecordedLine } from '../../src/conform/recording.ts';
import { InputError } from '../../src/language/input-error.ts';
import { readRecording, recordingNames } from './recordings.ts';

const { lines, meta } = readRecording('jit-6.18.jsonl.gz');
const firstOfClass = [...new Map(lines.map((line) => [readJitRecord(line, 1).cls, line])).values()];

/** The line with the lowest bit of the byte at `at` of a hexadecimal field turned over. */
function flipped(line: RecordedLine, field: RegExp, at: number): RecordedLine {
  const text = JSON.stringify(line);
  const found = field.exec(text)!;
  const start = found.index + found[0].length + at * 2;
  const byte = Number.parseInt(text.slice(start, start + 2), 16) ^ 1;
  return JSON.parse(text.slice(0, start) + byte.toString(16).padStart(2, '0') + text.slice(start + 2)) as RecordedLine;
}

describe('a recording', () => {
  it('has a case of every class', () => {
    expect(firstOfClass.length).toBe(25);
  });

  it('fails when a byte of its prologue is changed', () => {
    const changed = firstOfClass.filter((line) => !('pack' in line)).map((line) => flipped(line, /"jited":"/, 2));
    const report = performJitRecording(changed, meta);
    expect(report).toMatchObject({ passed: 0, failed: 24 });
    expect(report.firstFailures).toHaveLength(10);
    expect(report.firstFailures[0]).toMatchObject({ field: 'jited', step: 0 });
  });

  it('fails when the fixup of an exception entry is changed', () => {
    const changed = lines
      .filter((line) => 'extable' in line)
      .map((line) => flipped(line, /"extable":\[\{[^}]*"bytes":"/, 5));
    const report = performJitRecording(changed, meta);
    expect(report).toMatchObject({ passed: 0, failed: changed.length });
    expect(report.firstFailures[0]!.field).toBe('extable');
  });

  it('fails when what the program returned or wrote is changed', () => {
    const simple = lines.find(({ cls, ctx_diff }) => cls === 'mem' && ctx_diff !== undefined)!;
    const { ret, ctx_diff } = simple as { readonly ret: number; readonly ctx_diff: { off: number } };
    expect(performJitRecording([simple], meta)).toMatchObject({ passed: 1, failed: 0 });
    const report = performJitRecording(
      [
        { ...simple, ret: ret ^ 1 },
        { ...simple, ctx_diff: { ...ctx_diff, off: ctx_diff.off + 1 } },
      ],
      meta,
    );
    expect(report.firstFailures.map(({ field }) => field)).toEqual(['ret (interpreter)', 'ctx_diff (interpreter)']);
  });

  it('is refused with line and field when it is malformed', () => {
    const line = { ...lines[0]!, call_base: 'ffff' };
    const perform = () => performJitRecording([lines[0]!, line], meta);
    expect(perform).toThrow(InputError);
    expect(perform).toThrow(/^call_base: expected an address/);
    expect(perform).toThrow(expect.objectContaining({ place: { line: 2 } }));
  });

  it('finds its companion among all by what both say about the kernel', () => {
    const recordings = recordingNames.map(readRecording);
    for (const {
      lines: [line],
    } of recordings) {
      const record = readJitRecord(line!, 1);
      const fitting = recordings
        .filter(({ meta }) => describesRecording(meta, record))
        .map((recording) => recording.meta.kernel);
      expect(new Set(fitting).size).toBe(1);
      expect(fitting.length).toBeGreaterThan(0);
    }
  });
});
