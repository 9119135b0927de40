import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { array, number, object, optional, record, safeParse, string } from 'valibot';
import type { CampaignRecord } from '../engine/campaign/campaign.ts';
import type { CampaignJob } from '../engine/campaign/task.ts';
import { InputError } from '../language/input-error.ts';
import { exists, makeFolder, orExplain, readBytes } from './files.ts';

/** What a campaign set out to do. */
export interface CampaignHead {
  readonly tool: 'roxcheck';
  readonly version: string;
  readonly jobs: readonly CampaignJob[];
  /** Traces of each job; null: as many as fit. */
  readonly runs: readonly (number | null)[];
  /** Milliseconds that it may take in all; null: no limit. */
  readonly time: number | null;
  readonly modules: readonly string[];
}

/** A record with the milliseconds that the campaign had worked by then. */
export type TimedRecord = CampaignRecord & { readonly at: number };

/**
 * What a campaign did, in a file that is only ever appended to: a head and a line for each portion of runs and each shrunk
 * failure, written as they come. After a killed process at most the portions under way are missing, and half of the last line.
 * (The file is not synchronised to the disk: a power cut may cost more.)
 */
export class CampaignJournal {
  readonly #file: number;

  private constructor(file: number) {
    this.#file = file;
  }

  /** Begins a journal under the first free name: what an earlier campaign left is never written over. */
  static begin(folder: string, head: CampaignHead): CampaignJournal {
    return orExplain('cannot be saved', () => {
      makeFolder(folder);
      let number = 1;
      while (exists(join(folder, nameOf(number)))) number++;
      const journal = new CampaignJournal(openSync(join(folder, nameOf(number)), 'ax'));
      journal.#write(head);
      return journal;
    });
  }

  /** Reads the folder's newest journal and opens it to go on; the user calls the folder `shown`. */
  static resume(folder: string, version: string, shown: string): Resumed {
    let number = 0;
    while (exists(join(folder, nameOf(number + 1)))) number++;
    if (number === 0) throw new InputError('the folder holds no campaign.jsonl, so there is nothing to resume');
    const file = nameOf(number);
    const path = join(folder, file);
    const { head, records, wholeBytes, isTorn } = read(path, join(shown, file), version);
    return orExplain('cannot be opened', () => {
      const opened = openSync(path, 'a');
      // The line that was being written when the process was killed.
      ftruncateSync(opened, wholeBytes);
      return { journal: new CampaignJournal(opened), head, records, isTorn };
    });
  }

  append(record: TimedRecord): void {
    orExplain('cannot be written', () => this.#write(record));
  }

  close(): void {
    closeSync(this.#file);
  }

  #write(value: unknown): void {
    const line = Buffer.from(`${JSON.stringify(value)}\n`);
    for (let written = 0; written < line.length; ) written += writeSync(this.#file, line, written);
  }
}

export interface Resumed {
  readonly journal: CampaignJournal;
  readonly head: CampaignHead;
  readonly records: readonly TimedRecord[];
  /** Whether the last line was half written. */
  readonly isTorn: boolean;
}

function nameOf(number: number): string {
  return number === 1 ? 'campaign.jsonl' : `campaign-${number}.jsonl`;
}

function read(path: string, file: string, version: string) {
  const bytes = readBytes(path);
  const wholeBytes = bytes.lastIndexOf(0x0a) + 1;
  const [first, ...rest] = bytes.subarray(0, wholeBytes).toString('utf8').split('\n').slice(0, -1);
  if (first === undefined) {
    throw new InputError('the journal was cut in its first line, so nothing can be resumed; begin a new campaign', {
      file,
    });
  }
  const head = parseLine(first, file, 1);
  const told = safeParse(HEAD, head);
  if (!told.success) throw new InputError('this is no journal of a campaign', { file, line: 1, column: 1 });
  if (told.output.version !== version) {
    throw new InputError(
      `the campaign was begun by roxcheck ${told.output.version}, and its runs may differ in ${version}; begin a new one`,
      { file, line: 1, column: 1 },
    );
  }
  const records = rest.map((line, index) => {
    const value = parseLine(line, file, index + 2);
    const checked = safeParse(RECORD, value);
    const isComplete =
      checked.success && (checked.output.done === undefined) !== (checked.output.minimal === undefined);
    if (isComplete && checked.output.job < told.output.jobs.length) return value as TimedRecord;
    throw damaged(file, index + 2);
  });
  return { head: head as CampaignHead, records, wholeBytes, isTorn: wholeBytes < bytes.length };
}

function parseLine(line: string, file: string, number: number): unknown {
  try {
    return JSON.parse(line) as unknown;
  } catch {
    throw damaged(file, number);
  }
}

function damaged(file: string, line: number): InputError {
  return new InputError(
    'the journal is damaged here; delete this line and those behind it to go on from what stands above',
    { file, line, column: 1 },
  );
}

const HEAD = object({
  version: string(),
  jobs: array(
    object({ suite: string(), kernel: string(), seed: string(), steps: number(), machine: record(string(), string()) }),
  ),
  modules: array(string()),
});

const RECORD = object({
  job: number(),
  at: number(),
  done: optional(
    object({ first: number(), count: number(), failures: array(object({ run: number(), trace: string() })) }),
  ),
  minimal: optional(object({ trace: string(), shape: object({ law: string() }) })),
});
