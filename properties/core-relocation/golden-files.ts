/** Recorded kernel behaviour as the properties read it: from the corpus, else from a folder beside the checkout. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import type { ConformContext, RecordedLine } from '../../src/conform/recording.ts';

const FOLDERS = ['../../corpus/golden/', '../../../shared/golden/'].map((folder) =>
  fileURLToPath(new URL(folder, import.meta.url)),
);

/** The parsed lines of a golden file, or undefined (with the reason printed) where it is not at hand. */
export function goldenLines(name: string): RecordedLine[] | undefined {
  const folder = FOLDERS.find((candidate) => existsSync(candidate + name));
  if (folder === undefined) {
    console.warn(`skipped: ${name} is neither in corpus/golden nor beside the checkout`);
    return undefined;
  }
  const text = gunzipSync(readFileSync(folder + name)).toString();
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as RecordedLine);
}

/** Companion files as `conform` finds them. */
export const goldenCompanions: ConformContext = {
  fileName: '',
  companion: (name: string): RecordedLine[] => goldenLines(name) ?? [],
  optionalCompanion: goldenLines,
};
