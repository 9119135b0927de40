import { describe, expect, it } from 'vitest';
import { describesRecording, RecordingError, readJitRecord } from '../../src/conform/jit-record.ts';
import { performJitRecording } from '../../src/conform/jit-recording.ts';
import { readRecording, recordingNames } from './recordings.ts';

const { lines, meta } = readRecording('jit-6.18.jsonl.gz');
const firstOfClass = [...new Map(lines.map((line) => [readJitRecord(line, 'line').cls, line])).values()];

/** The line with the lowest bit of the byte at `at` of a hexadecimal field turned over. */
function flipped(line: string, field: RegExp, at: number): string {
  const found = field.exec(line)!;
  const start = found.index + found[0].length + at * 2;
  const byte = Number.parseInt(line.slice(start, start + 2), 16) ^ 1;
  return line.slice(0, start) + byte.toString(16).padStart(2, '0') + line.slice(start + 2);
}

describe('a recording', () => {
  it('has a case of every class', () => {
    expect(firstOfClass.length).toBe(25);
  });

  it('fails when a byte of its prologue is changed', () => {
    const changed = firstOfClass
      .filter((line) => !line.includes('"pack"'))
      .map((line) => flipped(line, /"jited":"/, 2));
    const report = performJitRecording(changed, meta);
    expect(report).toMatchObject({ passed: 0, failed: 24 });
    expect(report.firstFailures).toHaveLength(10);
    expect(report.firstFailures[0]).toMatchObject({ field: 'jited', step: 0 });
  });

  it('fails when the fixup of an exception entry is changed', () => {
    const changed = lines
      .filter((line) => line.includes('"extable"'))
      .map((line) => flipped(line, /"extable":\[\{[^}]*"bytes":"/, 5));
    const report = performJitRecording(changed, meta);
    expect(report).toMatchObject({ passed: 0, failed: changed.length });
    expect(report.firstFailures[0]!.field).toBe('extable');
  });

  it('is refused with file, line and field when it is malformed', () => {
    const line = lines[0]!.replace('"call_base":"0x', '"call_base":"');
    expect(() => performJitRecording(['', line], meta, { file: 'some.jsonl' })).toThrow(RecordingError);
    expect(() => performJitRecording(['', line], meta, { file: 'some.jsonl' })).toThrow(
      /^some\.jsonl:2: call_base: expected an address/,
    );
    expect(() => performJitRecording(['{'], meta, { file: 'some.jsonl' })).toThrow(/^some\.jsonl:1: not JSON/);
  });

  it('finds its companion among all by what both say about the kernel', () => {
    const recordings = recordingNames.map(readRecording);
    for (const {
      name,
      lines: [line],
    } of recordings) {
      const record = readJitRecord(line!, name);
      const fitting = recordings
        .filter(({ meta }) => describesRecording(meta, record))
        .map((recording) => recording.meta.kernel);
      expect(new Set(fitting).size).toBe(1);
      expect(fitting.length).toBeGreaterThan(0);
    }
  });
});
