import { relative, resolve } from 'node:path';
import { Random } from '../base/seed.ts';
import { readJitMeta } from '../conform/jit-record.ts';
import { performJitRecording } from '../conform/jit-recording.ts';
import type { Difference } from '../conform/recording.ts';
import { InputError } from '../language/input-error.ts';
import { counted, duration, grouped } from '../report/numbers.ts';
import { BlackBox } from '../targets/live/black-box.ts';
import { readCircumstances } from '../targets/live/circumstances.ts';
import { drawProgram } from '../targets/live/drawn-program.ts';
import { thingOf } from '../targets/live/facility.ts';
import { JitObserver } from '../targets/live/jit-observer.ts';
import { KernelHealth } from '../targets/live/kernel-health.ts';
import type { ChosenProfile } from '../targets/live/kernel-profile.ts';
import { LiveKernel } from '../targets/live/live-kernel.ts';
import type { Answer, Desk } from './desk.ts';
import { ALL_WELL, FOUND_SOMETHING } from './exit-codes.ts';
import { inFile, saveNew } from './files.ts';
import type { RunLiveOptions } from './run-options.ts';

/**
 * `run jit --target live`: draws programs and loads each into the running kernel. Every byte of the machine code has to be what
 * the model compiles for this machine at that address; what the kernel's run returned and wrote has to be what the interpreter
 * and the modelled CPU make of it.
 */
export async function runLiveJit(
  desk: Desk,
  wanted: ChosenProfile | undefined,
  options: RunLiveOptions,
): Promise<Answer> {
  if (options.fault !== undefined || wanted !== undefined) {
    throw new InputError('--fault and --kernel are not for the JIT: code is compared with that of the running kernel');
  }
  const kernel = await LiveKernel.open();
  const health = new KernelHealth();
  try {
    const observer = JitObserver.open(kernel);
    const { jitHarden } = readCircumstances();
    const reason =
      observer.kind !== 'available'
        ? `${observer.kind}: ${observer.why}; ${observer.remedy}`
        : jitHarden === 0
          ? undefined
          : 'net.core.bpf_jit_harden is not 0, and blinded code differs from load to load';
    if (observer.kind === 'available' && reason === undefined)
      return await campaign(desk, observer.thing, { health, box: BlackBox.open(thingOf(kernel.libc)), options });
    desk.say(`jit on the running kernel: skipped, ${reason}`);
    return { exitCode: ALL_WELL, document: { suites: [{ suite: 'jit', target: 'live', verdict: 'skipped', reason }] } };
  } finally {
    health.close();
    kernel.close();
  }
}

/** What is noted in the black box: the program of a run is drawn from the seed and its number. */
export interface TriedPrograms {
  readonly kind: 'programs';
  readonly seed: string;
  /** The most parts that a program has. */
  readonly parts: number;
}

interface Tally {
  /** Programs that were compared. */
  programs: number;
  bytes: number;
  /** Programs that the verifier refused. */
  refused: number;
}

interface Found {
  readonly line: Readonly<Record<string, unknown>>;
  readonly difference: Difference;
}

interface Around {
  readonly health: KernelHealth;
  readonly box: BlackBox | undefined;
  readonly options: RunLiveOptions;
}

async function campaign(desk: Desk, observer: JitObserver, { health, box, options }: Around): Promise<Answer> {
  const { surroundings, colours } = desk;
  const seed = options.seed ?? surroundings.freshSeed();
  const most = options.runs ?? (options.for === undefined ? DEFAULT_PROGRAMS : Number.MAX_SAFE_INTEGER);
  const begin = surroundings.now();
  const isOver = () =>
    surroundings.stopReason() !== undefined || surroundings.now() - begin >= (options.for ?? Infinity);
  const judge = judgeOf(observer);
  const parts = options.steps ?? DEFAULT_PARTS;
  box?.begin({ kind: 'programs', seed, parts } satisfies TriedPrograms);
  const tally: Tally = { programs: 0, bytes: 0, refused: 0 };
  let found: Found | undefined;
  for (let run = 0; run < most && found === undefined; run += BATCH) {
    desk.status.show(`jit on the running kernel: ${counted(run, 'program')}`);
    await new Promise<void>((resume) => setImmediate(resume));
    if (isOver()) break;
    const numbers = Array.from({ length: Math.min(BATCH, most - run) }, (_, index) => run + index);
    const lines = numbers.flatMap((number) => {
      const program = drawProgram(new Random(`${seed}/jit/${number}`), parts);
      box?.note(number, 1);
      const line = observer.observe(`live/${number}`, program);
      health.demand();
      return typeof line === 'string' ? [] : [line];
    });
    tally.refused += numbers.length - lines.length;
    tally.programs += lines.length;
    tally.bytes += lines.reduce((sum, { jited }) => sum + String(jited).length / 2, 0);
    found = judge(lines);
  }
  const seconds = (surroundings.now() - begin) / 1000;
  const path = found === undefined ? undefined : saved(desk, options.save, seed, found);
  const verdict = found === undefined ? colours.green('no divergence') : colours.red('diverges');
  const { programs, bytes, refused } = tally;
  desk.say(`jit on the running kernel, seed ${seed}: ${verdict}`);
  const speed = grouped(programs / Math.max(seconds, 0.001));
  desk.say(
    `  ${counted(programs, 'program')}, ${grouped(bytes)} bytes of code in ${duration(seconds)}, ${speed} programs/s`,
  );
  desk.say(`  ${grouped(refused)} more were refused by the verifier`);
  if (found !== undefined) {
    const { field, expected, actual } = found.difference;
    desk.say(`  ${field}: the kernel has ${expected}, the model ${actual}`);
    desk.say(`  saved as ${path}`);
  }
  const suite = {
    suite: 'jit',
    target: 'live',
    seed,
    ...tally,
    seconds,
    verdict: found !== undefined ? 'diverges' : programs === 0 ? 'skipped' : 'holds',
    difference: found?.difference,
    path,
  };
  return {
    exitCode: found !== undefined ? FOUND_SOMETHING : (desk.stoppedCode() ?? ALL_WELL),
    document: { suites: [suite] },
  };
}

type Judge = (lines: readonly Readonly<Record<string, unknown>>[]) => Found | undefined;

/** The model's view of lines that were observed just now, as of recorded ones. */
function judgeOf(observer: JitObserver): Judge {
  const companion = readJitMeta(observer.companion, 'the running kernel');
  return (lines) => {
    const { cases, firstFailures } = performJitRecording(lines, companion);
    if (cases !== lines.length) throw new Error('programs that were just observed cannot be judged');
    const [difference] = firstFailures;
    return difference && { difference, line: lines.find(({ name }) => name === difference.name)! };
  };
}

/** Saves the line of the recording; answers with the path as the user would write it. */
function saved({ surroundings }: Desk, folder: string, seed: string, { line }: Found): string {
  const name = `jit-live-${seed.replaceAll(/[^\w-]/g, '-')}`;
  const whole = resolve(surroundings.folder, folder);
  return relative(
    surroundings.folder,
    inFile(folder, () => saveNew(whole, name, '.jsonl', `${JSON.stringify(line)}\n`)),
  );
}

const DEFAULT_PROGRAMS = 500;
const DEFAULT_PARTS = 40;
/** Programs between two looks at the clock. */
const BATCH = 50;
