import { resolve } from 'node:path';
import { Tinypool } from 'tinypool';
import { InputError } from '../language/input-error.ts';
import type { Desk } from './desk.ts';
import { inFile, readText } from './files.ts';
import type { ReplayTask, ReplayTaskResult } from './replay-worker.ts';
import { type Replayed, Replayer } from './replayer.ts';

/** Replays the files in their order, in so many threads where threads can load the suites. Ends early when it is stopped. */
export async function* replayAll(desk: Desk, paths: readonly string[], jobs: number): AsyncGenerator<Replayed> {
  const canUseThreads = import.meta.url.endsWith('.js') && desk.canReloadSuites;
  yield* jobs > 1 && canUseThreads ? inThreads(desk, paths, jobs) : inThisThread(desk, paths);
}

async function* inThisThread(desk: Desk, paths: readonly string[]): AsyncGenerator<Replayed> {
  const replayer = new Replayer(desk.registry);
  for (const path of paths) {
    if (desk.stoppedCode() !== undefined) return;
    const text = read(desk, path);
    yield desk.surroundings.killable(() => replayer.replay(path, text));
    // The traces are short and synchronous; Ctrl-C is heard between them.
    await new Promise<void>((resume) => setImmediate(resume));
  }
}

async function* inThreads(desk: Desk, paths: readonly string[], jobs: number): AsyncGenerator<Replayed> {
  const filename = new URL('./replay-worker.js', import.meta.url).href;
  const pool = new Tinypool({ filename, minThreads: jobs, maxThreads: jobs });
  try {
    const { modules, surroundings } = desk;
    // Neighbours in a folder share a suite, and so a world.
    const portions = Array.from({ length: Math.ceil(paths.length / PORTION) }, (_, index) =>
      paths.slice(index * PORTION, (index + 1) * PORTION),
    );
    const results = portions.map((portion) => {
      const files = portion.map((path) => ({ path, text: read(desk, path) }));
      const task: ReplayTask = { files, modules, folder: surroundings.folder };
      return pool.run(task) as Promise<ReplayTaskResult>;
    });
    // One that fails while another is awaited is heard of when its turn comes.
    for (const result of results) result.catch(() => undefined);
    for (const result of results) {
      if (desk.stoppedCode() !== undefined) return;
      const { replayed, wrong } = await result;
      yield* replayed;
      if (wrong !== undefined) throw new InputError(wrong.message, wrong.place);
    }
  } finally {
    await pool.destroy();
  }
}

const PORTION = 32;

function read({ surroundings }: Desk, path: string): string {
  return inFile(path, () => readText(resolve(surroundings.folder, path)));
}
