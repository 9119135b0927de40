import { resolve } from 'node:path';
import { InputError } from '../language/input-error.ts';
import { unknownName } from '../language/nearest.ts';
import { reporters } from '../report/reporters/all.ts';
import type { CaseGroup } from '../report/reporters/findings-for-tools.ts';
import type { Answer, Desk } from './desk.ts';
import { WRONG_INPUT } from './exit-codes.ts';
import { inFile, saveAs } from './files.ts';
import type { VerbOption } from './verb.ts';

/** A report that the user wants beside what is printed for people. */
export interface WantedReport {
  readonly kind: string;
  /** Undefined: standard output, instead of the text for people. */
  readonly file: string | undefined;
}

export const reportOption: VerbOption = {
  syntax: '--report <kind=file>',
  does: `also report as ${[...reporters.keys()].join(', ')} (repeatable); without =FILE on standard output, instead of text`,
  parse(text, previous = []) {
    const [, kind = text, file] = /^([^=]*)=(.*)$/.exec(text) ?? [];
    if (!reporters.has(kind)) throw new InputError(unknownName('report', kind, reporters.keys()));
    if (file === '') throw new InputError(`Expected a file behind "${kind}=".`);
    const wanted = [...(previous as readonly WantedReport[]), { kind, file }];
    if (wanted.filter((one) => one.file === undefined).length > 1) {
      throw new InputError('Expected at most one report without a file: standard output holds only one.');
    }
    return wanted;
  },
};

/** Whether a report takes the place of the text for people. */
export function hasReportOnOutput(wanted: readonly WantedReport[] = []): boolean {
  return wanted.some(({ file }) => file === undefined);
}

/**
 * Writes the reports. A file that cannot be written outweighs what was found, for whoever waits for it would take the old one
 * for the new.
 */
export function writeReports(
  desk: Desk,
  wanted: readonly WantedReport[] | undefined,
  groups: readonly CaseGroup[],
  answer: Answer,
): Answer {
  let problem: InputError | undefined;
  for (const { kind, file } of wanted ?? []) {
    const text = reporters.get(kind)!(groups);
    if (file === undefined) desk.surroundings.out(text);
    else problem ??= trySave(desk, file, text);
  }
  if (problem === undefined) return answer;
  desk.complain(problem.describe());
  const error = { message: problem.message, ...problem.place };
  return { exitCode: Math.max(answer.exitCode === 3 ? 3 : 0, WRONG_INPUT), document: { ...answer.document, error } };
}

function trySave({ surroundings }: Desk, file: string, text: string): InputError | undefined {
  try {
    inFile(file, () => saveAs(resolve(surroundings.folder, file), text));
    return undefined;
  } catch (error) {
    if (error instanceof InputError) return error;
    throw error;
  }
}
