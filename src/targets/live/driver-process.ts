import { type ChildProcess, fork } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BlackBox } from './black-box.ts';
import type { Libc } from './libc.ts';
import type { Whereabouts } from './lock-step.ts';

/**
 * The process that drives the running kernel, seen from the one that started it. Whatever happens to it is only a finding: where
 * it stood is in a file that both have open, noted before each step.
 */
export type Driven<Reply> =
  | { readonly kind: 'ended'; readonly reply: Reply }
  | {
      readonly kind: 'died';
      /** `SIGSEGV`, or `exit code 3`. */
      readonly how: string;
      readonly where: Where | undefined;
    };

/** The run that was under way and how many of its steps were begun. */
export interface Where {
  readonly run: number;
  readonly performed: number;
}

interface DriveHooks<Progress> {
  onProgress(progress: Progress): void;
  /** Asked ten times a second. */
  isOver(): boolean;
}

/** Starts a driver and waits for what it has to say. `program` and its words become a process that calls {@link Driver.open}. */
export async function drive<Reply, Progress>(
  program: string,
  words: readonly string[],
  hooks: DriveHooks<Progress>,
): Promise<Driven<Reply>> {
  const folder = mkdtempSync(join(tmpdir(), 'roxcheck-'));
  const whereabouts = openSync(join(folder, 'whereabouts'), 'w+');
  // Nobody needs the name: when both are gone so is the file, however they went.
  rmSync(folder, { recursive: true });
  // A session of its own: Ctrl-C reaches it as a message, so that it ends with a report.
  const child = fork(program, words, {
    detached: true,
    execArgv: [],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc', whereabouts],
  });
  const timer = setInterval(() => {
    if (!hooks.isOver()) return;
    clearInterval(timer);
    stop(child);
  }, 100);
  try {
    return await new Promise((resolve) => {
      let reply: Reply | undefined;
      child.on('message', (message: Message<Reply, Progress>) => {
        if (message.kind === 'progress') hooks.onProgress(message.progress);
        else reply = message.reply;
      });
      child.on('close', (code, signal) => {
        if (reply !== undefined) resolve({ kind: 'ended', reply });
        else resolve({ kind: 'died', how: signal ?? `exit code ${code}`, where: readWhere(whereabouts) });
      });
    });
  } finally {
    clearInterval(timer);
    closeSync(whereabouts);
  }
}

/** It may end by itself at the same moment: then there is nobody to tell. */
function stop(child: ChildProcess): void {
  if (child.connected) child.send('stop', () => undefined);
}

/** The same, seen from within. */
export class Driver<Reply, Progress> {
  #stopped = false;

  /** Undefined in a process that nobody started as a driver. */
  static open<Reply, Progress>(): Driver<Reply, Progress> | undefined {
    return process.send === undefined ? undefined : new Driver<Reply, Progress>();
  }

  private constructor() {
    process.on('message', () => {
      this.#stopped = true;
    });
    // Nobody is left who would read the answer; what was made is released with the process.
    process.on('disconnect', () => process.exit(1));
  }

  /** Whether the other side wants the work to end. */
  get isStopped(): boolean {
    return this.#stopped;
  }

  tell(progress: Progress): void {
    process.send?.({ kind: 'progress', progress } satisfies Message<Reply, Progress>);
  }

  async end(reply: Reply): Promise<void> {
    await new Promise((sent) => process.send?.({ kind: 'reply', reply } satisfies Message<Reply, Progress>, sent));
    process.removeAllListeners('disconnect');
    process.disconnect();
  }

  /** Notes for the other side where this one stands, and in the black box what is about to be tried. */
  whereabouts(libc: Libc | undefined, attempt: object): Whereabouts & { run: number } {
    const words = new Int32Array(2);
    const box = BlackBox.open(libc);
    box?.begin(attempt);
    return {
      run: 0,
      note(performed) {
        words[0] = this.run;
        words[1] = performed;
        writeSync(WHEREABOUTS, words, 0, words.byteLength, 0);
        box?.note(this.run, performed);
      },
    };
  }
}

function readWhere(file: number): Where | undefined {
  const words = new Int32Array(2);
  if (readSync(file, words, 0, words.byteLength, 0) < words.byteLength) return undefined;
  return { run: words[0]!, performed: words[1]! };
}

type Message<Reply, Progress> =
  | { readonly kind: 'progress'; readonly progress: Progress }
  | { readonly kind: 'reply'; readonly reply: Reply };

/** Behind the standard streams and the channel. */
const WHEREABOUTS = 4;
