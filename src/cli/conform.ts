import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ConformContext, ConformReport, Difference, RecordedLine } from '../conform/recording.ts';
import { recordingKinds } from '../conform/registry.ts';
import { InputError } from '../language/input-error.ts';
import { narrowed } from '../report/difference.ts';
import { counted } from '../report/numbers.ts';
import { Table } from '../report/table.ts';
import type { Desk } from './desk.ts';
import { ALL_WELL, FOUND_SOMETHING } from './exit-codes.ts';
import { exists, inFile } from './files.ts';
import { readRecording } from './recording-file.ts';
import type { Verb } from './verb.ts';

export const conformVerb: Verb = {
  name: 'conform',
  does: 'performs recorded kernel behaviour on the model and compares what both showed',
  words: [
    {
      syntax: '<file...>',
      does: 'recordings (JSON lines, plain or gzipped); what was recorded is known from the content',
    },
  ],
  async act(desk, paths) {
    const files: (ConformReport & { readonly file: string })[] = [];
    for (const path of paths) {
      if (desk.stoppedCode() !== undefined) break;
      desk.status.show(`performing ${path}`);
      const report = conformOne(desk, path);
      files.push({ file: path, ...report });
      tell(desk, path, report);
      await new Promise<void>((resume) => setImmediate(resume));
    }
    const failed = files.some((file) => file.failed > 0);
    return { exitCode: failed ? FOUND_SOMETHING : (desk.stoppedCode() ?? ALL_WELL), document: { files } };
  },
};

function conformOne({ surroundings }: Desk, path: string): ConformReport {
  const whole = resolve(surroundings.folder, path);
  const lines = inFile(path, () => readRecording(whole));
  const kind = recordingKinds.find((candidate) => candidate.recognises(lines[0]!));
  if (kind === undefined) {
    const known = recordingKinds.map(({ name }) => name).join(', ');
    const message = `this is no recording of a known kind; the kinds are ${known === '' ? 'none yet' : known}`;
    throw new InputError(message, { file: path, line: 1, column: 1 });
  }
  const report = inFile(path, () => surroundings.killable(() => kind.perform(lines, new Companions(whole))));
  const { cases, passed, failed, skipped, firstFailures, classes } = report;
  return { cases, passed, failed, skipped, firstFailures: firstFailures.map(narrowed), classes };
}

/** Companion files stand beside the recording, or in the project's `corpus/golden`. */
class Companions implements ConformContext {
  readonly fileName: string;
  readonly #folders: readonly string[];

  constructor(path: string) {
    this.fileName = basename(path);
    this.#folders = [dirname(path), fileURLToPath(new URL('../../corpus/golden', import.meta.url))];
  }

  companion(fileName: string): readonly RecordedLine[] {
    const lines = this.optionalCompanion(fileName);
    if (lines !== undefined) return lines;
    throw new InputError(`needs ${fileName}, which stands neither beside it nor in corpus/golden`);
  }

  optionalCompanion(fileName: string): readonly RecordedLine[] | undefined {
    const path = this.#folders.map((folder) => join(folder, fileName)).find(exists);
    return path === undefined ? undefined : inFile(path, () => readRecording(path));
  }
}

function tell(desk: Desk, path: string, report: ConformReport): void {
  const { cases, passed, failed, skipped, firstFailures, classes } = report;
  const { colours } = desk;
  const mark = failed === 0 ? colours.green('ok  ') : colours.red('FAIL');
  const skips = skipped.length === 0 ? '' : `, ${counted(skipped.length, 'case')} not judged`;
  desk.say(`${mark}  ${path}: ${passed} of ${counted(cases, 'case')} as recorded${skips}`);
  if (classes.length > 0) for (const line of classTable(classes)) desk.say(`      ${line}`);
  for (const reason of new Set(skipped.map((skip) => skip.reason))) {
    const count = skipped.filter((skip) => skip.reason === reason).length;
    desk.say(`      not judged: ${counted(count, 'case')} (${reason})`);
  }
  for (const difference of firstFailures) desk.say(`      ${differenceText(difference)}`);
}

function classTable(classes: ConformReport['classes']): readonly string[] {
  const table = new Table([
    { title: 'class', widest: classes.map(({ name }) => name) },
    { title: 'cases', align: 'right' },
    { title: 'as recorded', align: 'right' },
    { title: 'not', align: 'right' },
  ]);
  const rows = classes.map(({ name, cases, passed, failed }) => [name, `${cases}`, `${passed}`, `${failed}`]);
  return [table.head(), ...rows.map((row) => table.row(row))];
}

function differenceText({ name, step, field, expected, actual }: Difference): string {
  const where = step === undefined ? name : `${name}, step ${step}`;
  return `${where}: ${field} is ${text(actual)}, recorded is ${text(expected)}`;
}

function text(value: unknown): string {
  return (
    JSON.stringify(value, (_key, part) => (typeof part === 'bigint' ? `0x${part.toString(16)}` : part)) ?? 'nothing'
  );
}
