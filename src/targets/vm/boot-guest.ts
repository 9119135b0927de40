import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { type LastNote, readBlackBox } from '../live/black-box.ts';
import { EMULATOR, emulatorWords, type GuestMachine } from './emulator.ts';
import { GUEST_INIT, GUEST_NODE, type GuestContents, guestArchive } from './guest-files.ts';
import { type GuestMessage, MessageReader, STOP_LINE } from './guest-link.ts';
import { type ConsoleReading, readConsole } from './kernel-console.ts';

/** What became of a guest. */
export interface GuestEnd {
  /** The last word of its first process; undefined where the guest ended without one. */
  readonly ended: Extract<GuestMessage, { kind: 'end' }> | undefined;
  /** The release of its kernel, once it was up. */
  readonly release: string | undefined;
  /** Whether it was ended because its time was over. */
  readonly outOfTime: boolean;
  /** What the emulator itself complained about. */
  readonly complaints: string;
  readonly console: string;
  readonly reading: ConsoleReading;
  /** Where it stood, if what it did keeps a black box. */
  readonly lastNote: LastNote | undefined;
}

interface GuestHooks {
  onMessage(message: GuestMessage): void;
  /** Told twice a second where the guest stands, by its black box. */
  onStanding(note: LastNote): void;
  /** Asked twice a second: the verb is to end with a summary. */
  isOver(): boolean;
}

export type GuestPlan = Omit<GuestMachine, 'initramfs' | 'console' | 'blackBox' | 'init'> & {
  /** Milliseconds. */
  readonly timeout: number;
};

/** Boots a guest in files of a folder of its own and follows it to its end. */
export async function bootGuest(
  folder: string,
  plan: GuestPlan,
  contents: GuestContents,
  hooks: GuestHooks,
): Promise<GuestEnd> {
  const machine: GuestMachine = {
    ...plan,
    initramfs: join(folder, 'initramfs.cpio'),
    console: join(folder, 'console.log'),
    blackBox: join(folder, 'black-box'),
    init: [GUEST_NODE, GUEST_INIT],
  };
  write(machine.initramfs, guestArchive(contents).parts());
  const followed = await follow(machine, plan.timeout, hooks);
  const console = readFileSync(machine.console, 'latin1');
  const lastNote = readBlackBox(readFileSync(machine.blackBox));
  return { ...followed, console, reading: readConsole(console), lastNote };
}

type Followed = Omit<GuestEnd, 'console' | 'reading' | 'lastNote'>;

function follow(machine: GuestMachine, timeout: number, hooks: GuestHooks): Promise<Followed> {
  // A session of its own: Ctrl-C reaches the guest as a message, so that it ends with a summary.
  const child = spawn(EMULATOR, emulatorWords(machine), { detached: true, stdio: ['pipe', 'pipe', 'pipe'] });
  const kill = () => child.kill('SIGKILL');
  // However this process is told to end, the guest ends first, and the verb with what it has.
  process.on('exit', kill);
  process.on('SIGTERM', kill);
  const reader = new MessageReader();
  let ended: GuestEnd['ended'];
  let release: string | undefined;
  let complaints = '';
  let outOfTime = false;
  let told = false;
  const deadline = setTimeout(() => {
    outOfTime = true;
    kill();
  }, timeout);
  const timer = setInterval(() => {
    const note = release === undefined ? undefined : readBlackBox(readFileSync(machine.blackBox));
    if (note !== undefined) hooks.onStanding(note);
    if (told || !hooks.isOver()) return;
    told = true;
    if (release === undefined) kill();
    else child.stdin.write(STOP_LINE);
  }, 500);
  child.stdin.on('error', () => undefined); // It may have ended just now.
  child.stdout.on('data', (bytes: Uint8Array) => {
    for (const message of reader.read(bytes)) {
      if (message.kind === 'hello') release = message.release;
      if (message.kind === 'end') ended = message;
      hooks.onMessage(message);
    }
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaints += text;
  });
  return new Promise<Followed>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', () => resolve({ ended, release, outOfTime, complaints }));
  }).finally(() => {
    clearTimeout(deadline);
    clearInterval(timer);
    process.off('exit', kill);
    process.off('SIGTERM', kill);
  });
}

function write(path: string, parts: readonly Uint8Array[]): void {
  const file = openSync(path, 'w');
  try {
    for (const part of parts) writeSync(file, part);
  } finally {
    closeSync(file);
  }
}
