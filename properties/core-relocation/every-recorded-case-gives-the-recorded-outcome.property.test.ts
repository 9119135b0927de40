import { describe, expect, test } from 'vitest';
import { coreRecording } from '../../src/conform/core-recording.ts';
import { lightSkeletonRecording } from '../../src/conform/light-skeleton-recording.ts';
import { goldenCompanions, goldenLines } from './golden-files.ts';

/** Files, the recording they are, and how many cases each has at least: a smaller count would be a vacuous pass. */
const FILES = [
  ['core-late-6.18.jsonl.gz', coreRecording, 2450],
  ['core-late-derived.jsonl.gz', coreRecording, 2400],
  ['core-early-libbpf.jsonl.gz', coreRecording, 2400],
  ['light-skeleton-layout.jsonl.gz', lightSkeletonRecording, 190],
] as const;

describe('every recorded case gives the recorded outcome', () => {
  for (const [name, recording, fewest] of FILES) {
    const lines = goldenLines(name);
    test.skipIf(lines === undefined)(name, () => {
      expect(recording.recognises(lines![0] as Record<string, unknown>)).toBe(true);
      const report = recording.perform(lines!, goldenCompanions);
      expect(report.firstFailures).toEqual([]);
      expect(report.cases).toBeGreaterThanOrEqual(fewest);
      expect(report.passed).toBe(report.cases);
    });
  }
});
