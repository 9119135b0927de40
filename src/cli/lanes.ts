import { Tinypool } from 'tinypool';
import { Lane } from '../engine/campaign/lane.ts';
import type { Task, TaskResult } from '../engine/campaign/task.ts';
import type { Desk } from './desk.ts';
import { ENDED, type WorkerTask } from './lane-worker.ts';

/** Several lanes that carry out tasks at once. */
export interface Lanes {
  /** Rejects when the lane died or made no progress for too long. */
  perform(task: Task): Promise<TaskResult>;
  end(): Promise<void>;
}

/**
 * Threads where they can load the suites themselves: built files, and suites that come from modules. Else one thread does
 * everything, one portion after the other.
 */
export function openLanes(desk: Desk, count: number, patience: number): Lanes {
  const isBuilt = import.meta.url.endsWith('.js');
  return isBuilt && desk.canReloadSuites ? new ThreadLanes(desk, count, patience) : new SharedThread(desk);
}

class ThreadLanes implements Lanes {
  readonly #desk: Desk;
  readonly #patience: number;
  readonly #pool: Tinypool;

  constructor(desk: Desk, count: number, patience: number) {
    this.#desk = desk;
    this.#patience = patience;
    this.#pool = new Tinypool({
      filename: new URL('./lane-worker.js', import.meta.url).href,
      minThreads: count,
      maxThreads: count,
      // A thread that hangs does not end when it is asked to.
      terminateTimeout: 5_000,
    });
  }

  async perform(task: Task): Promise<TaskResult> {
    const { modules, surroundings } = this.#desk;
    const heartbeat = new Int32Array(new SharedArrayBuffer(4));
    const given: WorkerTask = { task, modules, folder: surroundings.folder, heartbeat };
    const gaveUp = new AbortController();
    // Shrinking a long trace may perform all of it between two signs of life.
    const patience = task.kind === 'shrink' ? 10 * this.#patience : this.#patience;
    const watch = watchHeartbeat(heartbeat, patience, surroundings.now, () => gaveUp.abort());
    try {
      return (await this.#pool.run(given, { signal: gaveUp.signal })) as TaskResult;
    } catch (error) {
      if (gaveUp.signal.aborted) {
        const hasEnded = Atomics.load(heartbeat, 0) === ENDED;
        throw new Error(hasEnded ? 'its thread ended' : `no progress for ${patience / 1000} s`);
      }
      throw error;
    } finally {
      clearInterval(watch);
    }
  }

  async end(): Promise<void> {
    await this.#pool.destroy();
  }
}

function watchHeartbeat(heartbeat: Int32Array, patience: number, now: () => number, giveUp: () => void) {
  let last = Atomics.load(heartbeat, 0);
  let since = now();
  return setInterval(
    () => {
      const beat = Atomics.load(heartbeat, 0);
      if (beat !== last) since = now();
      last = beat;
      if (beat === ENDED) giveUp();
      // A new thread loads all suites before it shows its first sign of life.
      if (now() - since >= (beat === 0 ? Math.max(patience, START_MS) : patience)) giveUp();
    },
    Math.min(250, patience / 4),
  );
}

const START_MS = 120_000;

class SharedThread implements Lanes {
  readonly #desk: Desk;
  /** A lane works on one task at a time; idle ones are taken again. */
  readonly #idle: Lane[] = [];
  #lastBreath: number;

  constructor(desk: Desk) {
    this.#desk = desk;
    this.#lastBreath = desk.surroundings.now();
  }

  async perform(task: Task): Promise<TaskResult> {
    const lane = this.#idle.pop() ?? new Lane(this.#desk.registry.suites, () => this.#breathe());
    try {
      await new Promise<void>((resume) => setImmediate(resume));
      return await lane.perform(task);
    } finally {
      this.#idle.push(lane);
    }
  }

  async end(): Promise<void> {}

  #breathe(): Promise<void> | undefined {
    const { now } = this.#desk.surroundings;
    if (now() - this.#lastBreath < 50) return undefined;
    this.#lastBreath = now();
    return new Promise((resume) => setImmediate(resume));
  }
}
