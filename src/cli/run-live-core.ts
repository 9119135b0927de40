import { existsSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { Random } from '../base/seed.ts';
import type { Fault } from '../language/fault.ts';
import { InputError } from '../language/input-error.ts';
import type { Btf } from '../model/bpf/btf/blob.ts';
import { RELOCATION_KINDS } from '../model/bpf/btf/core-record.ts';
import { parseBtf } from '../model/bpf/btf/parse.ts';
import { printAsC } from '../model/bpf/btf/print-as-c.ts';
import { CoreWorld } from '../model/bpf/core-relocation/world/core-world.ts';
import { type CoreProfile, coreProfiles } from '../model/bpf/core-relocation/world/profile.ts';
import { counted, duration, grouped } from '../report/numbers.ts';
import { predicted, sameVerdict, type Verdict, verdictOf } from '../targets/live/core/core-comparison.ts';
import type { CoreLoad } from '../targets/live/core/core-load.ts';
import { type CorePlan, drawPlan, plainer } from '../targets/live/core/core-plan.ts';
import { loadOfPlan } from '../targets/live/core/core-plan-load.ts';
import { CoreRecorder, type PriorQuestion } from '../targets/live/core/core-recorder.ts';
import type { ModelledKernel } from '../targets/live/core/modelled-load.ts';
import { KernelHarmed } from '../targets/live/kernel-health.ts';
import { type ChosenProfile, chooseProfile } from '../targets/live/kernel-profile.ts';
import { LiveKernel } from '../targets/live/live-kernel.ts';
import { caseOfLoad, lateOf, recordsOf } from './core-case-load.ts';
import { saveCoreRecording } from './core-recording-file.ts';
import type { Answer, Desk } from './desk.ts';
import { ALL_WELL, FOUND_SOMETHING } from './exit-codes.ts';
import type { RunLiveOptions } from './run-live.ts';

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
  try {
    const wanted = asked === undefined ? undefined : profileNamed(asked.profile);
    const chosen = chooseProfile(kernel.release, [...coreProfiles.keys()]);
    const profile = wanted ?? coreProfiles.get(chosen.profile)!;
    const recorder = CoreRecorder.open(kernel);
    if (recorder.kind !== 'available') {
      const reason = `${recorder.kind}: ${recorder.why}; ${recorder.remedy}`;
      desk.say(`${SUITE} on the running kernel: skipped, ${reason}`);
      return {
        exitCode: ALL_WELL,
        document: { suites: [{ suite: SUITE, target: 'live', verdict: 'skipped', reason }] },
      };
    }
    if (wanted === undefined && chosen.caution !== undefined) desk.say(desk.colours.yellow(chosen.caution));
    const modelled = options.fault === undefined ? profile : withFault(desk, profile, options.fault);
    try {
      return await new Campaign(desk, recorder.thing, { ...modelled, name: profile.name }, options).run();
    } catch (error) {
      if (!(error instanceof KernelHarmed)) throw error;
      return harmed(desk, error);
    } finally {
      recorder.thing.loader.end();
    }
  } finally {
    kernel.close();
  }
}

function profileNamed(name: string): CoreProfile {
  const profile = coreProfiles.get(name);
  if (profile !== undefined) return profile;
  throw new InputError(`expected one kernel to compare the running one with: ${[...coreProfiles.keys()].join(', ')}`);
}

/** Whatever made the kernel warn, this command or another program: nothing more is sent to it. */
function harmed(desk: Desk, { message }: KernelHarmed): Answer {
  desk.complain(`${SUITE} on the running kernel: ended, ${message}`);
  const suites = [{ suite: SUITE, target: 'live', verdict: 'skipped', reason: message }];
  return { exitCode: FOUND_SOMETHING, document: { suites } };
}

/** The modelled kernel with a bug, to see that the running one would notice; libbpf's part of it plays no role here. */
function withFault(desk: Desk, profile: CoreProfile, name: string): ModelledKernel {
  const fault = desk.registry.fault(name);
  if (fault.suite !== SUITE) throw new InputError(`the fault ${name} is not about relocation by a kernel`);
  const { kernel } = plantedWorld(profile, fault);
  return { kernel: kernel.policy, relocates: kernel.relocates, apply: kernel.apply };
}

function plantedWorld(profile: CoreProfile, fault: Fault<unknown>): CoreWorld {
  const world = new CoreWorld(profile);
  fault.plant(world);
  return world;
}

type NamedKernel = ModelledKernel & { readonly name: string };

const SUITE = 'core-relocation';
const DEFAULT_RUNS = 300;

/** What was performed so far. */
interface Tally {
  runs: number;
  records: number;
  /** Loads that went through, with every instruction read back; the others were refused with an errno. */
  loaded: number;
  withheld: number;
  /** Loads that came out otherwise than they would have without a question before them. */
  known: number;
}

/** A plan that the model and the kernel do not answer alike. */
interface Divergence {
  readonly plan: CorePlan;
  readonly load: CoreLoad;
  readonly model: Verdict;
  readonly kernel: Verdict;
}

class Campaign {
  readonly #desk: Desk;
  readonly #recorder: CoreRecorder;
  readonly #profile: NamedKernel;
  readonly #options: RunLiveOptions;
  readonly #kernelTypes: Btf;
  readonly #tally: Tally = { runs: 0, records: 0, loaded: 0, withheld: 0, known: 0 };

  constructor(desk: Desk, recorder: CoreRecorder, profile: NamedKernel, options: RunLiveOptions) {
    this.#desk = desk;
    this.#recorder = recorder;
    this.#profile = profile;
    this.#options = options;
    this.#kernelTypes = recorder.loader.kernelTypes;
  }

  async run(): Promise<Answer> {
    const { surroundings, status } = this.#desk;
    const { seed = surroundings.freshSeed(), for: time } = this.#options;
    const runs = this.#options.runs ?? (time === undefined ? DEFAULT_RUNS : Number.MAX_SAFE_INTEGER);
    const begin = surroundings.now();
    const isOver = () => surroundings.stopReason() !== undefined || surroundings.now() - begin >= (time ?? Infinity);
    let found: Divergence | undefined;
    for (let run = 0; run < runs && !isOver() && found === undefined; run++) {
      status.show(`${SUITE} on the running kernel: ${counted(run, 'program')}`);
      const plan = drawPlan(new Random(`${seed}/${run}`), this.#kernelTypes);
      found = this.#attempt(plan, this.#tally);
      if (run % 20 === 0) await new Promise<void>((resume) => setImmediate(resume));
    }
    if (found !== undefined) found = this.#shrunk(found);
    const path = found === undefined ? undefined : this.#save(found, seed);
    const seconds = (surroundings.now() - begin) / 1000;
    this.#tell(seed, seconds, found, path);
    const verdict = found !== undefined ? 'diverges' : this.#tally.runs === 0 ? 'skipped' : 'holds';
    const known = this.#tally.known > 0 ? [KNOWN_BUG] : [];
    const difference = found && { model: found.model, kernel: found.kernel };
    const told = { suite: SUITE, kernel: this.#profile.name, target: 'live', seed, ...this.#tally, seconds };
    return {
      exitCode: found !== undefined ? FOUND_SOMETHING : (this.#desk.stoppedCode() ?? ALL_WELL),
      document: { suites: [{ ...told, verdict, known, difference, path }] },
    };
  }

  #attempt(plan: CorePlan, tally: Tally): Divergence | undefined {
    const load = loadOfPlan(plan, this.#kernelTypes);
    const prior = priorOf(plan);
    const model = predicted(load, prior, this.#profile, this.#kernelTypes);
    let kernel = verdictOf(this.#recorder.glance(load, prior));
    // Somebody else's load may have come between: a difference counts when it comes again.
    if (kernel !== undefined && !sameVerdict(model, kernel)) kernel = verdictOf(this.#recorder.observe(load, prior));
    if (kernel === undefined) {
      tally.withheld += 1;
      return undefined;
    }
    tally.runs += 1;
    tally.records += load.records.count;
    tally.loaded += Number(kernel.ok);
    const alone = prior.length === 0 ? kernel : predicted(load, [], this.#profile, this.#kernelTypes);
    tally.known += Number(!sameVerdict(kernel, alone));
    return sameVerdict(model, kernel) ? undefined : { plan, load, model, kernel };
  }

  /** Takes the first plainer plan that differs as well, until none does. */
  #shrunk(found: Divergence): Divergence {
    for (const plan of plainer(found.plan)) {
      const again = this.#attempt(plan, { runs: 0, records: 0, loaded: 0, withheld: 0, known: 0 });
      if (again !== undefined) return this.#shrunk(again);
    }
    return found;
  }

  /** Saves what the kernel did as a recording; answers with the path as the user would write it. */
  #save({ plan, load }: Divergence, seed: string): string {
    const { folder } = this.#desk.surroundings;
    const stem = `core-live-${seed.replaceAll(/[^\w-]/g, '-')}`;
    const names = Array.from({ length: 1000 }, (_, number) => (number === 0 ? stem : `${stem}-${number + 1}`));
    const free = names.find((name) => !existsSync(join(resolve(folder, this.#options.save), `${name}.jsonl`)))!;
    const path = join(this.#options.save, `${free}.jsonl`);
    const line = {
      ...caseOfLoad('live', load, priorOf(plan)),
      late: lateOf(this.#recorder.observe(load, priorOf(plan))),
    };
    saveCoreRecording(this.#desk, path, [line], this.#kernelTypes);
    return relative(folder, resolve(folder, path));
  }

  #tell(seed: string, seconds: number, found: Divergence | undefined, path: string | undefined): void {
    const desk = this.#desk;
    const { runs, records, loaded, withheld, known } = this.#tally;
    const verdict = found === undefined ? desk.colours.green('no divergence') : desk.colours.red('diverges');
    desk.say(`${SUITE} on the running kernel against profile ${this.#profile.name}, seed ${seed}: ${verdict}`);
    desk.say(
      `  ${counted(runs, 'program')} with ${grouped(records)} records in ${duration(seconds)}: ` +
        `${grouped(loaded)} loaded and read back, ${grouped(runs - loaded)} refused as predicted`,
    );
    if (withheld > 0)
      desk.say(`  ${counted(withheld, 'program')} withheld: ${grouped(withheld)} could have harmed the kernel`);
    if (known > 0) desk.say(`  known ${KNOWN_BUG}: ${counted(known, 'program')} answered for a name of another kind`);
    if (found === undefined || path === undefined) return;
    const local = parseBtf(found.load.btf);
    const asked = recordsOf(found.load);
    for (const line of printAsC(
      local,
      asked.map(({ typeId }) => typeId),
    )
      .trimEnd()
      .split('\n'))
      desk.say(`    ${line}`);
    for (const { typeId, accessOffset, kind, instructionOffset } of asked) {
      const subject = `${RELOCATION_KINDS[kind]} of ${local.type(typeId)?.name || 'a type without a name'}`;
      desk.say(`  asks ${subject}, access "${local.string(accessOffset)}", instruction ${instructionOffset / 8}`);
    }
    for (const { name, kind } of priorOf(found.plan)) desk.say(`  asked before: ${kind} ${name}`);
    if (!found.plan.debugInfo) desk.say('  loaded without func_info');
    desk.say(`  model   ${verdictText(found.model)}`);
    desk.say(`  kernel  ${verdictText(found.kernel)}`);
    desk.say(`  ${desk.command('conform', path)}`);
  }
}

const KNOWN_BUG = 'kind-blind-candidate-cache';

const priorOf = ({ prior }: CorePlan): readonly PriorQuestion[] => (prior === undefined ? [] : [prior]);

const verdictText = (verdict: Verdict): string =>
  verdict.ok ? `loads ${verdict.program}` : `refuses with ${verdict.errno}`;
