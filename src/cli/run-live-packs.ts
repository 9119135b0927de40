import { relative, resolve } from 'node:path';
import { Random } from '../base/seed.ts';
import { progPackRecording } from '../conform/prog-pack-recording.ts';
import type { Difference } from '../conform/recording.ts';
import { InputError } from '../language/input-error.ts';
import { profiles } from '../model/kernel/profile.ts';
import { narrowed } from '../report/difference.ts';
import { counted, duration, grouped } from '../report/numbers.ts';
import { thingOf } from '../targets/live/facility.ts';
import { type ChosenProfile, chooseProfile } from '../targets/live/kernel-profile.ts';
import { LiveKernel } from '../targets/live/live-kernel.ts';
import { drawPlan, type PlannedStep, performPlan } from '../targets/live/pack-plan.ts';
import type { PackStepObservation } from '../targets/live/prog-pack-observation.ts';
import { Disturbed, ProgPackObserver } from '../targets/live/prog-pack-observer.ts';
import type { Answer, Desk } from './desk.ts';
import { ALL_WELL, FOUND_SOMETHING } from './exit-codes.ts';
import { inFile, saveNew } from './files.ts';
import type { RunLiveOptions } from './run-options.ts';

/**
 * `run prog-pack --target live`: draws sequences of loads and closes, performs each on the running kernel and on the model, and
 * compares what both show after every step. What differs is shrunk on both and saved as a recording that `conform` reads.
 *
 * Nothing made here outlives the command but one trace: a new pack splits large leaves of the direct map where its frames lie,
 * and the kernel does not merge them again (measured on 6.18). The command says how many leaves that were.
 */
export async function runLivePacks(
  desk: Desk,
  wanted: ChosenProfile | undefined,
  options: RunLiveOptions,
): Promise<Answer> {
  if (options.fault !== undefined) throw new InputError('--fault is not for program packs on a running kernel');
  const kernel = await LiveKernel.open();
  const observer = ProgPackObserver.open(kernel);
  try {
    const chosen = wanted ?? chooseProfile(kernel.release, [...profiles.keys()]);
    if (observer.kind === 'available') return await campaign(desk, observer.thing, chosen, options);
    const reason = `${observer.kind}: ${observer.why}; ${observer.remedy}`;
    desk.say(`prog-pack on the running kernel: skipped, ${reason}`);
    return {
      exitCode: ALL_WELL,
      document: { suites: [{ suite: 'prog-pack', target: 'live', verdict: 'skipped', reason }] },
    };
  } finally {
    thingOf(observer)?.end();
    kernel.close();
  }
}

/** How far a campaign is. */
interface Tally {
  runs: number;
  steps: number;
  /** Sequences that others interfered with, which are not judged. */
  disturbed: number;
  /** By how many 4 KiB leaves the direct map grew while packs were opened, whoever did it. */
  splitLeaves: number;
}

async function campaign(
  desk: Desk,
  observer: ProgPackObserver,
  { profile, caution }: ChosenProfile,
  options: RunLiveOptions,
): Promise<Answer> {
  const { surroundings, colours } = desk;
  const seed = options.seed ?? surroundings.freshSeed();
  const runs = options.runs ?? (options.for === undefined ? DEFAULT_RUNS : Number.MAX_SAFE_INTEGER);
  const begin = surroundings.now();
  const isOver = () =>
    surroundings.stopReason() !== undefined || surroundings.now() - begin >= (options.for ?? Infinity);
  if (caution !== undefined) desk.say(colours.yellow(caution));
  const tally: Tally = { runs: 0, steps: 0, disturbed: 0, splitLeaves: 0 };
  let found: Divergence | undefined;
  for (let run = 0; run < runs && !isOver() && found === undefined; run++) {
    desk.status.show(`prog-pack on the running kernel: ${counted(run, 'run')}`);
    const plan = drawPlan(new Random(`${seed}/${run}`), options.steps ?? DEFAULT_STEPS);
    found = attempt(observer, profile, plan, tally);
    await new Promise<void>((resume) => setImmediate(resume));
  }
  if (found !== undefined) found = shrunk(observer, profile, found);
  const seconds = (surroundings.now() - begin) / 1000;
  const path = found === undefined ? undefined : saved(desk, options, seed, profile, found);
  tell(desk, { seed, profile, seconds, tally, found, path });
  const verdict = found !== undefined ? 'diverges' : tally.runs === 0 ? 'skipped' : 'holds';
  const reason = verdict === 'skipped' ? 'nothing was performed undisturbed' : undefined;
  const difference = found?.difference;
  const suite = {
    suite: 'prog-pack',
    kernel: profile,
    target: 'live',
    seed,
    ...tally,
    seconds,
    verdict,
    reason,
    difference,
    path,
  };
  return {
    exitCode: found !== undefined ? FOUND_SOMETHING : (desk.stoppedCode() ?? ALL_WELL),
    document: { suites: [suite] },
  };
}

/** A plan on which the model and the kernel do not show the same. */
interface Divergence {
  readonly plan: readonly PlannedStep[];
  readonly steps: readonly PackStepObservation[];
  readonly difference: Difference;
}

function attempt(
  observer: ProgPackObserver,
  kernel: string,
  plan: readonly PlannedStep[],
  tally: Tally,
): Divergence | undefined {
  try {
    const steps = performPlan(observer, plan);
    if (steps.length === 0) return undefined;
    tally.runs += 1;
    tally.steps += steps.length;
    tally.splitLeaves += steps.reduce((sum, step) => sum + (step.directMapDeltaKB?.['4k'] ?? 0) / 4, 0);
    const { firstFailures } = progPackRecording.perform([sequence(kernel, steps)], NO_COMPANIONS);
    return firstFailures[0] === undefined ? undefined : { plan, steps, difference: firstFailures[0] };
  } catch (error) {
    if (!(error instanceof Disturbed)) throw error;
    tally.disturbed += 1;
    return undefined;
  }
}

/** Leaves out one step after the other as long as the same field differs: what remains needs every step. */
function shrunk(observer: ProgPackObserver, kernel: string, found: Divergence): Divergence {
  let smallest = found;
  for (let index = smallest.plan.length - 1; index >= 0; index--) {
    const shorter = smallest.plan.toSpliced(index, 1);
    const again = attempt(observer, kernel, shorter, { runs: 0, steps: 0, disturbed: 0, splitLeaves: 0 });
    if (again?.difference.field === found.difference.field) smallest = again;
  }
  return smallest;
}

/** A recording of one sequence, as it would stand in a file. */
function sequence(kernel: string, steps: readonly PackStepObservation[]) {
  return JSON.parse(JSON.stringify({ name: 'live', kernel, steps })) as Readonly<Record<string, unknown>>;
}

/** Saves a divergence as a recording; answers with the path as the user would write it. */
function saved(
  { surroundings }: Desk,
  options: RunLiveOptions,
  seed: string,
  kernel: string,
  found: Divergence,
): string {
  const name = `prog-pack-live-${seed.replaceAll(/[^\w-]/g, '-')}`;
  const text = `${JSON.stringify(sequence(kernel, found.steps))}\n`;
  const folder = resolve(surroundings.folder, options.save);
  return relative(
    surroundings.folder,
    inFile(options.save, () => saveNew(folder, name, '.jsonl', text)),
  );
}

interface Told {
  readonly seed: string;
  readonly profile: string;
  readonly seconds: number;
  readonly tally: Tally;
  readonly found: Divergence | undefined;
  readonly path: string | undefined;
}

function tell(desk: Desk, { seed, profile, seconds, tally, found, path }: Told): void {
  const { colours } = desk;
  const verdict = found === undefined ? colours.green('no divergence') : colours.red('diverges');
  const others =
    tally.disturbed === 0 ? '' : `, ${counted(tally.disturbed, 'sequence')} disturbed by others and not judged`;
  desk.say(`prog-pack on the running kernel against profile ${profile}, seed ${seed}: ${verdict}`);
  desk.say(`  ${counted(tally.runs, 'sequence')}, ${grouped(tally.steps)} steps in ${duration(seconds)}${others}`);
  if (tally.splitLeaves > 0)
    desk.say(
      `  the direct map has ${counted(tally.splitLeaves, 'more leaf').replace(/leafs$/, 'leaves')} of 4 KiB than before`,
    );
  if (found === undefined || path === undefined) return;
  const { step, field, expected, actual } = narrowed(found.difference);
  desk.say(
    `  step ${step}: ${field} is ${JSON.stringify(actual)} on the model and ${JSON.stringify(expected)} on the kernel`,
  );
  desk.say(`  ${desk.command('conform', path)}`);
}

const DEFAULT_RUNS = 20;
const DEFAULT_STEPS = 20;

const NO_COMPANIONS = {
  fileName: 'live',
  companion(): never {
    throw new InputError('an observed sequence has no companions');
  },
  optionalCompanion: () => undefined,
};
