import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, extname, isAbsolute, join, relative, resolve } from 'node:path';
import { InputError } from '../language/input-error.ts';
import { duration } from '../report/numbers.ts';
import { hazards } from '../targets/live/hazards.ts';
import { bootGuest, type GuestEnd } from '../targets/vm/boot-guest.ts';
import { type Accelerator, chooseAccelerator, EMULATOR, releaseOfImage } from '../targets/vm/emulator.ts';
import type { GuestMessage } from '../targets/vm/guest-link.ts';
import type { Answer, Desk } from './desk.ts';
import { FOUND_SOMETHING } from './exit-codes.ts';
import { exists, inFile, readBytes, saveNew } from './files.ts';
import { PROGRAM } from './lock-step.ts';
import { count, milliseconds } from './option-values.ts';
import type { Verb } from './verb.ts';
import { lastWordsOf } from './vm-death.ts';

interface VmOptions {
  readonly mitigations: string;
  readonly cpu: string;
  readonly cpus: number;
  readonly memory: number;
  readonly append?: string;
  readonly accelerator?: Accelerator;
  /** Milliseconds. */
  readonly timeout: number;
  readonly hazards?: boolean;
  readonly save: string;
  readonly json?: boolean;
}

/** `roxcheck vm VMLINUZ -- run arena --target live`: any kernel as the running one, in a guest that may be lost. */
export const vmVerb: Verb = {
  name: 'vm',
  does: 'boots a kernel image under QEMU and has a verb done inside: vm VMLINUZ -- run arena --target live',
  words: [
    { syntax: '<vmlinuz>', does: 'a kernel image for x86-64 (bzImage)' },
    { syntax: '<words...>', does: 'behind --: the verb and its words; files that they name come along' },
  ],
  options: [
    { syntax: '--mitigations <value>', does: "the kernel's mitigations=, as in off", default: 'auto' },
    { syntax: '--append <parameters>', does: 'more parameters for the kernel, as in "pti=off retbleed=stuff"' },
    { syntax: '--cpu <model>', does: 'a CPU model of QEMU, as in max,la57=off', default: 'max' },
    { syntax: '--cpus <n>', does: 'CPUs of the guest', parse: count, default: 2 },
    { syntax: '--memory <MiB>', does: 'memory of the guest', parse: count, default: 2048 },
    { syntax: '--accelerator <kind>', does: 'kvm or tcg (default: what this machine can do)', parse: accelerator },
    { syntax: '--timeout <time>', does: 'when the guest is ended', parse: milliseconds, default: 600_000 },
    { syntax: '--hazards', does: 'allows every hazardous operation: the guest may be lost' },
    { syntax: '--save <folder>', does: 'where the console of a guest that died is saved', default: 'failures' },
  ],
  act: actOnHost,
};

async function actOnHost(desk: Desk, [image, ...given]: readonly string[], options: VmOptions): Promise<Answer> {
  const { surroundings, colours } = desk;
  const kernel = resolve(surroundings.folder, image!);
  const release = inFile(image!, () => releaseOfImage(readBytes(kernel)));
  if (release === undefined) throw new InputError('this is no kernel image for x86-64 (bzImage)').in(image!);
  const folder = mkdtempSync(join(tmpdir(), 'roxcheck-vm-'));
  const chosen = options.accelerator === undefined ? chooseAccelerator() : { accelerator: options.accelerator };
  desk.say(`booting Linux ${release} with ${accelerationOf(chosen)}`);
  const heard: Heard = { out: '', brought: [] };
  const begin = surroundings.now();
  try {
    const end = await bootGuest(
      folder,
      {
        kernel,
        accelerator: chosen.accelerator,
        cpu: options.cpu,
        cpus: options.cpus,
        memory: options.memory,
        mitigations: options.mitigations,
        parameters: options.append?.split(/\s+/).filter((word) => word !== '') ?? [],
        timeout: options.timeout,
      },
      {
        project: dirname(dirname(PROGRAM)),
        job: {
          words: wordsInside(given, options),
          folder: '/home',
          colour: surroundings.colour,
          patience: options.timeout + PATIENCE_AFTER_TIMEOUT,
        },
        brought: filesNamed(desk, given),
      },
      {
        onMessage: (message) => hear(desk, message, heard, options),
        onStanding: ({ run, performed }) => desk.status.show(`the guest is at step ${performed} of run ${run}`),
        isOver: () => surroundings.stopReason() !== undefined,
      },
    );
    const seconds = (surroundings.now() - begin) / 1000;
    return answer(desk, end, { heard, seconds, options });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    if ((error as NodeJS.ErrnoException).path !== EMULATOR) throw error;
    throw new InputError(`${EMULATOR} is not installed; Debian has it in the package qemu-system-x86`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
    desk.status.clear();
    if (!desk.stoppedCode())
      desk.say(colours.dim(`the guest is gone after ${duration((surroundings.now() - begin) / 1000)}`));
  }
}

/** What came out of a guest. */
interface Heard {
  out: string;
  readonly brought: string[];
}

function hear(desk: Desk, message: GuestMessage, heard: Heard, { json }: VmOptions): void {
  const { surroundings } = desk;
  if (message.kind === 'hello') desk.say(desk.colours.dim(`the guest is up: Linux ${message.release}`));
  if (message.kind === 'file')
    heard.brought.push(bringBack(desk, message.path, Buffer.from(message.content, 'base64')));
  if (message.kind === 'out') heard.out += message.text;
  if (json === true) return;
  if (message.kind === 'out') surroundings.out(message.text);
  if (message.kind === 'err') surroundings.err(message.text);
}

/** Saves a file of the guest where the verb would have saved it here. */
function bringBack(desk: Desk, path: string, content: Buffer): string {
  const { folder } = desk.surroundings;
  const place = resolve(folder, path);
  if (relative(folder, place).startsWith('..')) throw new Error(`the guest sends ${path}`);
  const extension = extname(place);
  const name = basename(place, extension);
  const saved = inFile(path, () => saveNew(dirname(place), name, extension, content.toString()));
  return relative(folder, saved);
}

interface Known {
  readonly heard: Heard;
  readonly seconds: number;
  readonly options: VmOptions;
}

function answer(desk: Desk, end: GuestEnd, { heard, seconds, options }: Known): Answer {
  for (const path of heard.brought) desk.say(`brought back ${path}`);
  const known = { release: end.release, seconds, brought: heard.brought };
  if (end.ended !== undefined && end.ended.exitCode !== null) {
    const { exitCode } = end.ended;
    return { exitCode, document: { ...known, verdict: 'ended', guest: options.json ? parsed(heard.out) : undefined } };
  }
  const interrupted = desk.stoppedCode();
  if (interrupted !== undefined && !end.reading.panicked) {
    return { exitCode: interrupted, document: { ...known, verdict: 'interrupted' } };
  }
  if (end.release === undefined && end.console === '' && !end.outOfTime) {
    throw new InputError(`the emulator does not start the guest: ${end.complaints.trim()}`);
  }
  return died(desk, end, known, options);
}

/** The kernel of a guest panicked, hung, or ended its first process: a finding. */
function died(desk: Desk, end: GuestEnd, known: object, { save, timeout }: VmOptions): Answer {
  const { colours } = desk;
  const { panicked, harm, excerpt } = end.reading;
  const verdict = panicked ? 'panicked' : end.outOfTime ? 'out of time' : 'ended without a word';
  const how = panicked
    ? `the kernel of the guest panicked: ${harm}`
    : end.outOfTime
      ? `the guest did not end within ${duration(timeout / 1000)}${harm === undefined ? '' : `: ${harm}`}`
      : `the guest ended without a word${end.ended?.signal ? `, by ${end.ended.signal}` : ''}`;
  desk.say(colours.red(how));
  const words = end.lastNote && lastWordsOf(desk, end.lastNote);
  if (words !== undefined) desk.say(colours.red(words.sentence));
  for (const line of excerpt.slice(0, SHOWN_LINES)) desk.say(`    ${line}`);
  const keep = (name: string, extension: string, text: string) => {
    const saved = inFile(save, () => saveNew(resolve(desk.surroundings.folder, save), name, extension, text));
    const path = relative(desk.surroundings.folder, saved);
    desk.say(`saved ${path}`);
    return path;
  };
  const consolePath = keep('vm-console', '.log', end.console);
  const tracePath = words && keep(words.name, words.extension, words.text);
  const document = {
    ...known,
    verdict,
    how,
    standing: words?.sentence,
    excerpt,
    console: consolePath,
    trace: tracePath,
  };
  return { exitCode: FOUND_SOMETHING, document };
}

/** The document that a verb printed, or what else it was. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** The verb's own words: hazards are allowed one by one, and JSON is asked for inside as it is outside. */
function wordsInside(given: readonly string[], options: VmOptions): readonly string[] {
  const words = given.filter((word) => word !== '--json');
  const takesHazards = options.hazards === true && ['run', 'replay'].includes(words[0]!);
  return [
    ...words,
    ...(takesHazards ? hazards.flatMap(({ name }) => ['--allow-hazard', name]) : []),
    ...(options.json === true ? ['--json'] : []),
  ];
}

/** Files and folders that the words name, which must lie below the folder that the verb works in. */
function filesNamed({ surroundings }: Desk, words: readonly string[]): ReadonlyMap<string, string> {
  const named = words.slice(1).filter((word) => !word.startsWith('-') && exists(resolve(surroundings.folder, word)));
  return new Map(
    named.flatMap((word) => {
      const path = relative(surroundings.folder, resolve(surroundings.folder, word));
      // A name such as `failures` behind --save is a folder that the guest makes itself.
      if (!/[/.]/.test(word)) return [];
      if (path.startsWith('..') || isAbsolute(path))
        throw new InputError('only files below this folder come along').in(word);
      return [[path, resolve(surroundings.folder, word)]];
    }),
  );
}

function accelerator(text: string): Accelerator {
  if (text === 'kvm' || text === 'tcg') return text;
  throw new InputError('Expected "kvm" or "tcg".');
}

const accelerationOf = (chosen: { readonly accelerator: Accelerator; readonly why?: string }): string =>
  `${chosen.accelerator === 'kvm' ? 'KVM' : 'emulated CPUs (TCG)'}${chosen.why === undefined ? '' : `: ${chosen.why}`}`;

/** A guest whose host was killed ends by itself soon after it would have been ended. */
const PATIENCE_AFTER_TIMEOUT = 30_000;
const SHOWN_LINES = 40;
