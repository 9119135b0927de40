import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { main } from '../../src/cli/main.ts';
import type { StopReason } from '../../src/cli/surroundings.ts';
import type { AnySuite } from '../../src/language/suite.ts';
import { shelf } from './toy-suites.ts';

/** What a command printed and how it ended. */
export interface Ended {
  readonly exitCode: number;
  readonly out: string;
  readonly err: string;
}

/** An empty folder that goes when the test ends. */
export function emptyFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'roxcheck-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Runs a command within this process, on the toy suites and in a folder of its own. */
export async function roxcheck(
  words: string,
  options: {
    readonly suites?: readonly AnySuite[];
    readonly folder?: string;
    readonly stop?: () => StopReason;
    readonly input?: string;
  } = {},
): Promise<Ended> {
  const printed = { out: '', err: '' };
  const exitCode = await main(words.split(' '), {
    suites: options.suites ?? [shelf],
    surroundings: {
      out: (text) => {
        printed.out += text;
      },
      err: (text) => {
        printed.err += text;
      },
      input: () => options.input ?? '',
      live: { write: () => true },
      colour: false,
      folder: options.folder ?? emptyFolder(),
      now: () => performance.now(),
      worked: () => performance.now(),
      freshSeed: () => 'fresh',
      stopReason: () => options.stop?.(),
      killable: (work) => work(),
    },
  });
  return { exitCode, ...printed };
}

/** The one document that `--json` printed. */
export function documentOf({ out }: Ended): Record<string, unknown> {
  return JSON.parse(out) as Record<string, unknown>;
}
