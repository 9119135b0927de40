import { join, resolve } from 'node:path';
import { type ConformanceVerdict, runConformanceFile } from '../conform/bpf-conformance.ts';
import { InputError } from '../language/input-error.ts';
import { counted } from '../report/numbers.ts';
import { Table } from '../report/table.ts';
import type { Answer, Desk } from './desk.ts';
import { ALL_WELL, FOUND_SOMETHING } from './exit-codes.ts';
import { filesIn, inFile, readText } from './files.ts';
import { type ModeOptions, modeOf, modeOptions } from './run-mode.ts';
import type { Verb } from './verb.ts';

export const bpfConformanceVerb: Verb = {
  name: 'bpf-conformance',
  does: 'runs the files of the public bpf_conformance suite and compares each result',
  words: [{ syntax: '<folder>', does: 'a folder of .data files, or one such file' }],
  options: modeOptions,
  act: async (desk, words, options: ModeOptions) => runFolder(desk, words[0]!, options),
};

function runFolder(desk: Desk, folder: string, options: ModeOptions): Answer {
  const mode = modeOf(options);
  const whole = resolve(desk.surroundings.folder, folder);
  const names = inFile(folder, () => filesIn(whole, '.data'));
  if (names.length === 0) throw new InputError('there are no .data files', { file: folder });
  const verdicts = names.map((name) => ({ name, ...judge(join(whole, name), mode) }));
  const table = new Table([
    { title: 'file', widest: names },
    { title: 'verdict', widest: ['passed', 'skipped'] },
    { title: 'reason' },
  ]);
  desk.say(table.head());
  for (const { name, kind, reason } of verdicts) desk.say(table.row([name, mark(desk, kind), reason ?? '']));
  const count = (kind: string) => verdicts.filter((verdict) => verdict.kind === kind).length;
  const [passed, failed, skipped] = [count('passed'), count('failed'), count('skipped')];
  desk.say();
  desk.say(`${passed} of ${counted(names.length, 'file')} passed (${mode}), ${failed} failed, ${skipped} skipped`);
  const files = verdicts.map(({ name, kind, reason }) => ({ file: name, verdict: kind, reason }));
  return { exitCode: failed > 0 ? FOUND_SOMETHING : ALL_WELL, document: { mode, passed, failed, skipped, files } };
}

function judge(path: string, mode: ReturnType<typeof modeOf>) {
  const verdict = runConformanceFile(
    inFile(path, () => readText(path)),
    mode,
  );
  return { kind: verdict.kind, reason: reasonOf(verdict) };
}

function reasonOf(verdict: ConformanceVerdict): string | undefined {
  if (verdict.kind === 'failed') return verdict.difference;
  return verdict.kind === 'skipped' ? verdict.reason : undefined;
}

function mark({ colours }: Desk, kind: ConformanceVerdict['kind']): string {
  if (kind === 'failed') return colours.red(kind);
  return kind === 'passed' ? colours.green(kind) : colours.yellow(kind);
}
