import { existsSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { Random } from '../base/seed.ts';
import { InputError } from '../language/input-error.ts';
import { CoreWorld } from '../model/bpf/core-relocation/world/core-world.ts';
import { type CoreProfile, coreProfiles } from '../model/bpf/core-relocation/world/profile.ts';
import { counted, duration, grouped } from '../report/numbers.ts';
import { CoreCampaign, type CoreDivergence, type CoreTally, priorOf } from '../targets/live/core/core-campaign.ts';
import { drawPlan } from '../targets/live/core/core-plan.ts';
import { CoreRecorder } from '../targets/live/core/core-recorder.ts';
import type { ModelledKernel } from '../targets/live/core/modelled-load.ts';
import { KernelHarmed } from '../targets/live/kernel-health.ts';
import { type ChosenProfile, chooseProfile } from '../targets/live/kernel-profile.ts';
import { LiveKernel } from '../targets/live/live-kernel.ts';
import { caseOfLoad, lateOf } from './core-case-load.ts';
import { divergenceText } from './core-divergence-text.ts';
import { saveCoreRecording } from './core-recording-file.ts';
import type { Answer, Desk } from './desk.ts';
import { ALL_WELL, FOUND_SOMETHING } from './exit-codes.ts';
import type { RunLiveOptions } from './run-options.ts';

/**
 * `run core-relocation --target live`: draws programs with types and records of their own, lets the running kernel relocate
 * them against its own types, reads the patched instructions back, and compares them with what the model makes of the same.
 *
 * The kernel's cache of candidates is made to forget every name before it is asked for. Some programs come behind a question
 * that makes it answer wrongly on purpose: what the known bug of that cache does is compared as well, and counted.
 */
export async function runLiveCore(
  desk: Desk,
  asked: ChosenProfile | undefined,
  options: RunLiveOptions,
): Promise<Answer> {
  const kernel = await LiveKernel.open();
  const chosen = asked ?? chooseProfile(kernel.release, [...coreProfiles.keys()]);
  const recorder = CoreRecorder.open(kernel);
  try {
    const profile = profileNamed(chosen.profile);
    const modelled = options.fault === undefined ? profile : withFault(desk, profile, options.fault);
    if (recorder.kind !== 'available') return skipped(desk, `${recorder.kind}: ${recorder.why}; ${recorder.remedy}`);
    if (chosen.caution !== undefined) desk.say(desk.colours.yellow(chosen.caution));
    return await campaign(desk, recorder.thing, { ...modelled, name: profile.name }, options);
  } catch (error) {
    if (!(error instanceof KernelHarmed)) throw error;
    // Whatever made the kernel warn, this command or another program: nothing more is sent to it.
    return { ...skipped(desk, error.message), exitCode: FOUND_SOMETHING };
  } finally {
    if (recorder.kind === 'available') recorder.thing.loader.end();
    kernel.close();
  }
}

function profileNamed(name: string): CoreProfile {
  const profile = coreProfiles.get(name);
  if (profile !== undefined) return profile;
  throw new InputError(`expected one kernel to compare the running one with: ${[...coreProfiles.keys()].join(', ')}`);
}

/** The modelled kernel with a bug, to see that the running one would notice; libbpf's part of it plays no role here. */
function withFault(desk: Desk, profile: CoreProfile, name: string): ModelledKernel {
  const fault = desk.registry.fault(name);
  if (fault.suite !== SUITE) throw new InputError(`the fault ${name} is not about relocation by a kernel`);
  const world = new CoreWorld(profile);
  fault.plant(world);
  const { policy, relocates, apply } = world.kernel;
  return { kernel: policy, relocates, apply };
}

function skipped(desk: Desk, reason: string): Answer {
  desk.say(`${SUITE} on the running kernel: skipped, ${reason}`);
  return {
    exitCode: ALL_WELL,
    document: { suites: [{ suite: SUITE, target: 'live', verdict: 'skipped', reason }] },
  };
}

type NamedKernel = ModelledKernel & { readonly name: string };

async function campaign(
  desk: Desk,
  recorder: CoreRecorder,
  profile: NamedKernel,
  options: RunLiveOptions,
): Promise<Answer> {
  const { surroundings, status } = desk;
  const { seed = surroundings.freshSeed(), for: time } = options;
  const runs = options.runs ?? (time === undefined ? DEFAULT_RUNS : Number.MAX_SAFE_INTEGER);
  const begin = surroundings.now();
  const isOver = () => surroundings.stopReason() !== undefined || surroundings.now() - begin >= (time ?? Infinity);
  const performed = new CoreCampaign(recorder, profile);
  let found: CoreDivergence | undefined;
  for (let run = 0; run < runs && !isOver() && found === undefined; run++) {
    status.show(`${SUITE} on the running kernel: ${counted(run, 'program')}`);
    found = performed.attempt(drawPlan(new Random(`${seed}/${run}`), recorder.loader.kernelTypes));
    if (run % 20 === 0) await new Promise<void>((resume) => setImmediate(resume));
  }
  if (found !== undefined) found = performed.shrink(found);
  const path = found === undefined ? undefined : saved(desk, recorder, found, { seed, folder: options.save });
  const { tally } = performed;
  const seconds = (surroundings.now() - begin) / 1000;
  tell(desk, { profile: profile.name, seed, seconds, tally, found, path });
  const verdict = found !== undefined ? 'diverges' : tally.runs === 0 ? 'skipped' : 'holds';
  const known = tally.known > 0 ? [KNOWN_BUG] : [];
  const difference = found && { model: found.model, kernel: found.kernel };
  const told = { suite: SUITE, kernel: profile.name, target: 'live', seed, ...tally, seconds };
  return {
    exitCode: found !== undefined ? FOUND_SOMETHING : (desk.stoppedCode() ?? ALL_WELL),
    document: { suites: [{ ...told, verdict, known, difference, path }] },
  };
}

/** Saves what the kernel did as a recording; answers with the path as the user would write it. */
function saved(
  desk: Desk,
  recorder: CoreRecorder,
  { plan, load }: CoreDivergence,
  { seed, folder: into }: { readonly seed: string; readonly folder: string },
): string {
  const { folder } = desk.surroundings;
  const stem = `core-live-${seed.replaceAll(/[^\w-]/g, '-')}`;
  let name = stem;
  for (let number = 2; existsSync(join(resolve(folder, into), `${name}.jsonl`)); number++) name = `${stem}-${number}`;
  const path = join(into, `${name}.jsonl`);
  const prior = priorOf(plan);
  const line = { ...caseOfLoad('live', load, prior), late: lateOf(recorder.observe(load, prior)) };
  saveCoreRecording(desk, path, [line], recorder.loader.kernelTypes);
  return relative(folder, resolve(folder, path));
}

interface Told {
  readonly profile: string;
  readonly seed: string;
  readonly seconds: number;
  readonly tally: CoreTally;
  readonly found: CoreDivergence | undefined;
  readonly path: string | undefined;
}

function tell(desk: Desk, { profile, seed, seconds, tally, found, path }: Told): void {
  const { runs, records, loaded, withheld, known } = tally;
  const verdict = found === undefined ? desk.colours.green('no divergence') : desk.colours.red('diverges');
  const refused = runs - loaded - Number(found?.kernel.ok === false);
  desk.say(`${SUITE} on the running kernel against profile ${profile}, seed ${seed}: ${verdict}`);
  desk.say(
    `  ${counted(runs, 'program')} with ${grouped(records)} records in ${duration(seconds)}: ` +
      `${grouped(loaded)} loaded and read back, ${grouped(refused)} refused as predicted`,
  );
  if (withheld > 0) desk.say(`  ${counted(withheld, 'program')} withheld, which could have harmed the kernel`);
  if (known > 0) desk.say(`  known ${KNOWN_BUG}: ${counted(known, 'program')} answered for a name of another kind`);
  if (found === undefined || path === undefined) return;
  for (const line of divergenceText(found)) desk.say(line === '' ? '' : `  ${line}`);
  desk.say(`  ${desk.command('conform', path)}`);
}

const SUITE = 'core-relocation';
const DEFAULT_RUNS = 300;
const KNOWN_BUG = 'kind-blind-candidate-cache';
