import { Lane } from '../engine/campaign/lane.ts';
import type { Task, TaskResult } from '../engine/campaign/task.ts';
import { allSuites } from '../lab/suites/all.ts';
import { loadSuites } from './user-suites.ts';

/** What a thread is given: a task, and where its suites come from. */
export interface WorkerTask {
  readonly task: Task;
  readonly modules: readonly string[];
  readonly folder: string;
  /** Counts up while the thread makes progress, for whoever wonders whether it hangs; {@link ENDED} when the thread has ended. */
  readonly heartbeat: Int32Array;
}

/** In place of a count of heartbeats: the thread ended by itself, as with `process.exit()` in somebody's suite. */
export const ENDED = -1;

let heartbeat: Int32Array | undefined;
let lane: Promise<Lane> | undefined;

/** The work of one thread of a campaign: a lane that is set up by its first task. */
export default async function perform(given: WorkerTask): Promise<TaskResult> {
  heartbeat = given.heartbeat;
  lane ??= setUp(given);
  const ready = await lane;
  beat();
  return ready.perform(given.task);
}

function beat(): undefined {
  if (heartbeat !== undefined) Atomics.add(heartbeat, 0, 1);
}

async function setUp({ modules, folder }: WorkerTask): Promise<Lane> {
  // The pool would go on waiting for an answer.
  process.once('exit', () => heartbeat !== undefined && Atomics.store(heartbeat, 0, ENDED));
  const suites = [...allSuites, ...(await loadSuites(modules, folder))];
  return new Lane(suites, beat);
}
