import { kernelSentences } from '../lab/kernels.ts';
import { Registry } from '../lab/registry.ts';
import { allSuites } from '../lab/suites/all.ts';
import { InputError, type Place } from '../language/input-error.ts';
import { type Replayed, Replayer } from './replayer.ts';
import { loadSuites } from './user-suites.ts';

/** What a thread is given: traces, and where their suites come from. */
export interface ReplayTask {
  readonly files: readonly { readonly path: string; readonly text: string }[];
  readonly modules: readonly string[];
  readonly folder: string;
}

export interface ReplayTaskResult {
  readonly replayed: readonly Replayed[];
  /** The first file that is no trace; those behind it were not looked at. */
  readonly wrong?: { readonly message: string; readonly place: Place };
}

let replayer: Promise<Replayer> | undefined;

/** The work of one thread of `replay`. */
export default async function perform({ files, modules, folder }: ReplayTask): Promise<ReplayTaskResult> {
  replayer ??= loadSuites(modules, folder).then(
    (suites) => new Replayer(new Registry([...allSuites, ...suites], kernelSentences)),
  );
  const ready = await replayer;
  const replayed: Replayed[] = [];
  try {
    for (const { path, text } of files) replayed.push(ready.replay(path, text));
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return { replayed, wrong: { message: error.message, place: error.place } };
  }
  return { replayed };
}
