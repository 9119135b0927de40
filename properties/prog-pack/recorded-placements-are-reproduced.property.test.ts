import { existsSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { progPackRecording } from '../../src/conform/prog-pack-recording.ts';
import type { ConformContext, RecordedLine } from '../../src/conform/recording.ts';

const folders = ['../../corpus/golden/', '../../../shared/golden/'].map((path) => new URL(path, import.meta.url));
const context: ConformContext = {
  fileName: '',
  companion: () => [],
  optionalCompanion: () => undefined,
};

function linesOf(name: string): readonly RecordedLine[] | undefined {
  const file = folders.map((folder) => new URL(name, folder)).find((url) => existsSync(url));
  if (file === undefined) {
    console.log(`skipped: no recording ${name} in corpus/golden`);
    return undefined;
  }
  const text = gunzipSync(readFileSync(file)).toString('utf8');
  return text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as RecordedLine]));
}

/** A share of each: `roxcheck conform` performs them all. */
const EVERY = 3;

describe.each([
  { name: 'prog-pack-6.18.jsonl.gz', least: 75 },
  { name: 'kernels/prog-pack-6.1.192.jsonl.gz', least: 25 },
  { name: 'kernels/prog-pack-6.12.117.jsonl.gz', least: 47 },
  { name: 'kernels/prog-pack-6.18.15.jsonl.gz', least: 17 },
  { name: 'kernels/prog-pack-7.3.4.jsonl.gz', least: 13 },
])('$name', ({ name, least }) => {
  const lines = linesOf(name);

  test.skipIf(lines === undefined)(`of every ${EVERY} sequences one is performed as recorded`, () => {
    expect(progPackRecording.recognises(lines![0]!)).toBe(true);
    const report = progPackRecording.perform(
      lines!.filter((_, index) => index % EVERY === 0),
      context,
    );
    expect(report.firstFailures).toEqual([]);
    expect(report.passed).toBeGreaterThanOrEqual(least);
    expect(report.cases).toBe(report.passed);
  });
});

describe('a recording that says something else is not believed', () => {
  const lines = linesOf('prog-pack-6.18.jsonl.gz');
  // biome-ignore lint/suspicious/noExplicitAny: any field of the record may be bent
  const bend = (change: (step: any) => void) => {
    const [line] = structuredClone(lines!.slice(0, 1)) as [{ steps: unknown[] }];
    change(line.steps[2]);
    return progPackRecording.perform([line as unknown as RecordedLine], context).firstFailures[0]?.field;
  };

  test.skipIf(lines === undefined)('each compared field tells', () => {
    expect(bend(() => {})).toBeUndefined();
    expect(bend((step) => step.live[1].parts[0].chunk++)).toBe('live[1].parts');
    expect(bend((step) => (step.live[0].parts[0].size += 64))).toBe('live[0].parts');
    expect(bend((step) => step.packs[0].used[0][1]++)).toBe('packs.used');
    expect(bend((step) => (step.packs[0].freeChunksAllTrap = false))).toBe('packs');
    expect(bend((step) => (step.packs[0].guardAfter = false))).toBe('packs');
    expect(bend((step) => step.packs[0].va.writable++)).toBe('packs');
    expect(bend((step) => step.packs[0].alias.executable++)).toBe('packs');
    expect(bend((step) => (step.newPack = 1))).toBe('newPack');
    expect(bend((step) => (step.live[2].parts[0].imageOffset = 9))).toBe('imageOffset is possible');
    expect(bend((step) => step.areas.push({ area: 0, pages: 1, ...step.packs[0] }))).toBe('areas');
  });
});
