import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { LiveStream } from '../report/status-line.ts';
import { INTERRUPTED, WRONG_INPUT } from './exit-codes.ts';

/** Why long work should end before it is done. */
export type StopReason = 'interrupted' | 'closed-pipe';

/**
 * The world around a command: streams, folder, clock, chance and Ctrl-C. It is handed in, so that tests can run commands
 * within their own process.
 */
export interface Surroundings {
  /** Prints on standard output. */
  out(text: string): void;
  /** Prints on standard error. */
  err(text: string): void;
  /** Everything on standard input. */
  input(): string;
  /** Where the live status line goes. */
  readonly live: LiveStream;
  readonly colour: boolean;
  /** The folder that relative paths start from. */
  readonly folder: string;
  /** Milliseconds from any fixed moment. */
  now(): number;
  /** Milliseconds that the processor spent on this process; what others do on the machine does not count. */
  worked(): number;
  /** A seed that nobody used before. */
  freshSeed(): string;
  /** Asked now and then by long work. */
  stopReason(): StopReason | undefined;
  /** Does work that asks nobody whether to stop: meanwhile Ctrl-C ends the process at once. */
  killable<Result>(work: () => Result): Result;
}

/** The surroundings of the running process. */
export function processSurroundings(): Surroundings {
  const { stdout, stderr, env } = process;
  let reason: StopReason | undefined;
  const interrupt = () => {
    // The first Ctrl-C lets the work end with a summary; the second one does not wait for it.
    if (reason === 'interrupted') process.exit(INTERRUPTED);
    reason = 'interrupted';
  };
  process.on('SIGINT', interrupt);
  // A reader that went away (`| head`) is no error: what is printed from now on goes nowhere.
  for (const stream of [stdout, stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') giveUp(error);
      if (stream === stdout) reason ??= 'closed-pipe';
    });
  }
  return {
    out: (text) => void stdout.write(text),
    err: (text) => void stderr.write(text),
    input: () => readFileSync(0, 'utf8'),
    live: stderr,
    colour: wantsColour(env, stdout.isTTY === true),
    folder: process.cwd(),
    now: () => performance.now(),
    worked: () => process.cpuUsage().user / 1000,
    freshSeed: () => randomBytes(5).toString('hex'),
    stopReason: () => reason,
    killable(work) {
      // Without a listener the system's own answer to SIGINT holds; with one, nothing would happen until the work is done.
      process.off('SIGINT', interrupt);
      try {
        return work();
      } finally {
        process.on('SIGINT', interrupt);
      }
    },
  };
}

/** Output that goes nowhere for another reason (a full disk behind `>`) would be lost unseen. */
function giveUp(error: Error): never {
  process.stderr.write(`the output cannot be written: ${error.message}\n`);
  process.exit(WRONG_INPUT);
}

/** https://no-color.org: any non-empty NO_COLOR switches colours off, wherever the output goes. */
function wantsColour(env: NodeJS.ProcessEnv, isTerminal: boolean): boolean {
  if (env.NO_COLOR) return false;
  if (env.FORCE_COLOR) return env.FORCE_COLOR !== '0';
  return isTerminal && env.TERM !== 'dumb';
}
