/** The recorded compilations in the corpus, each with the companion that describes its kernel. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { type JitMeta, readJitMeta } from '../../src/conform/jit-record.ts';
import type { RecordedLine } from '../../src/conform/recording.ts';

export interface JitRecording {
  readonly name: string;
  readonly lines: readonly RecordedLine[];
  readonly meta: JitMeta;
}

const golden = new URL('../../corpus/golden/', import.meta.url);

/** The recording of 6.18.44 in full, then samples of ten other kernels under up to four sets of mitigations. */
export const recordingNames: readonly string[] = ['jit-6.18.jsonl.gz', ...guestRecordings()];

export function readRecording(name: string): JitRecording {
  const text = gunzipSync(readFileSync(new URL(name, golden))).toString();
  const companion = companionOf(name);
  return {
    name,
    lines: text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as RecordedLine),
    meta: readJitMeta(JSON.parse(readFileSync(new URL(companion, golden), 'utf8')) as RecordedLine, companion),
  };
}

function guestRecordings(): string[] {
  const folder = new URL('kernels/', golden);
  if (!existsSync(folder)) return [];
  const files = readdirSync(folder).filter((file) => /^jit-.*\.jsonl\.gz$/.test(file));
  return files.sort().map((file) => `kernels/${file}`);
}

function companionOf(name: string): string {
  const version = /^kernels\/jit-([\d.]+)-/.exec(name)?.[1];
  return version === undefined ? name.replace('.jsonl.gz', '.meta.json') : `kernels/meta/${version}.json`;
}
