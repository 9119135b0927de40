import { describe, expect, it } from 'vitest';
import { performJitRecording } from '../../src/conform/jit-recording.ts';
import { readRecording, recordingNames } from './recordings.ts';

describe('what real kernels compiled', () => {
  it('is recorded for the host kernel and ten others', () => {
    expect(recordingNames.length).toBe(22);
  });

  it.each(recordingNames)('comes out of the model in every byte of code and exception tables: %s', (name) => {
    const { lines, meta } = readRecording(name);
    const report = performJitRecording(lines, meta, name);
    expect(report.firstFailures).toEqual([]);
    expect(report).toMatchObject({ cases: lines.length, passed: lines.length, failed: 0, skipped: [] });
  });
});
