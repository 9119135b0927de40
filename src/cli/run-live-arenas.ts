import { release } from 'node:os';
import { relative, resolve } from 'node:path';
import type { OperationCount } from '../engine/verdict.ts';
import { InputError } from '../language/input-error.ts';
import { unknownName } from '../language/nearest.ts';
import { printTrace } from '../language/trace-text/print.ts';
import { arenaProfiles } from '../model/bpf/arena-profile.ts';
import { counted, duration, grouped } from '../report/numbers.ts';
import { type Driven, drive, type Where } from '../targets/live/driver-process.ts';
import { hazards } from '../targets/live/hazards.ts';
import { type ChosenProfile, chooseProfile } from '../targets/live/kernel-profile.ts';
import { asOnKernel } from '../targets/live/lock-step.ts';
import { machineOfThisOne, restrictionsOf } from '../targets/live/lock-step-bench.ts';
import { type CampaignRequest, type Finding, redrawn } from '../targets/live/lock-step-campaign.ts';
import type { Answer, Desk } from './desk.ts';
import { ALL_WELL, FOUND_SOMETHING } from './exit-codes.ts';
import { indented } from './failure.ts';
import { inFile, saveNew } from './files.ts';
import {
  arenaSuite,
  DRIVER_VERB,
  type DriverProgress,
  type DriverReply,
  type DriverRequest,
  demandWork,
  PROGRAM,
} from './lock-step.ts';
import type { RunLiveOptions } from './run-options.ts';

/**
 * `run arena --target live`: draws traces and performs each on the model and on the running kernel at once. A process of its own
 * drives the kernel; when it dies, the trace that it was at is a finding, and another one goes on with the next run.
 */
export async function runLiveArenas(
  desk: Desk,
  wanted: ChosenProfile | undefined,
  options: RunLiveOptions,
): Promise<Answer> {
  const { surroundings, colours } = desk;
  const { profile, caution } = wanted ?? chooseProfile(release(), [...arenaProfiles.keys()]);
  const suite = desk.registry.suites.find(
    ({ name, kernels }) => ['arena', 'arena-early'].includes(name) && kernels.includes(profile),
  );
  if (suite === undefined) throw new InputError(`no suite of arenas has the kernel ${profile}`);
  if (caution !== undefined) desk.say(colours.yellow(caution));
  const begin = surroundings.now();
  const end = options.for === undefined ? Number.POSITIVE_INFINITY : begin + options.for;
  const campaign: CampaignRequest = {
    seed: options.seed ?? surroundings.freshSeed(),
    kernel: profile,
    firstRun: 0,
    endRun: options.runs ?? (options.for === undefined ? suite.runs : Number.MAX_SAFE_INTEGER),
    steps: options.steps ?? suite.steps,
    ...(options.fault !== undefined && { fault: desk.registry.fault(options.fault).name }),
  };
  const allowedHazards = checkedHazards(options.allowHazard);
  const outcome = await followCampaign(desk, { suite: suite.name, allowedHazards, ...campaign }, end);
  const seconds = (surroundings.now() - begin) / 1000;
  const paths = outcome.findings.map((finding) => saved(desk, options.save, finding));
  tell(desk, { profile, seed: campaign.seed, seconds, outcome, paths });
  return answerOf(desk, { suite: suite.name, kernel: profile, seed: campaign.seed, seconds }, outcome, paths);
}

/** Names of hazards that the user allows. Throws an InputError for one that does not exist. */
export function checkedHazards(names: readonly string[] = []): readonly string[] {
  const known = hazards.map(({ name }) => name);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new InputError(unknownName('hazard', unknown, known));
  return names;
}

/** What all drivers of a campaign did together. */
interface Outcome {
  runs: number;
  steps: number;
  readonly operations: Record<string, OperationCount>;
  readonly findings: Finding[];
  /** Why nothing could be tried. */
  skipped?: string;
}

type Plan = Omit<Extract<DriverRequest, { kind: 'campaign' }>, 'kind'>;

async function followCampaign(desk: Desk, plan: Plan, end: number): Promise<Outcome> {
  const { surroundings, status } = desk;
  const outcome: Outcome = { runs: 0, steps: 0, operations: {}, findings: [] };
  const isOver = () => surroundings.stopReason() !== undefined || surroundings.now() >= end;
  for (let firstRun = plan.firstRun, deaths = 0; ; ) {
    const request: DriverRequest = { kind: 'campaign', ...plan, firstRun };
    const driven: Driven<DriverReply> = await drive<DriverReply, DriverProgress>(
      PROGRAM,
      [DRIVER_VERB, JSON.stringify(request)],
      {
        isOver,
        onProgress: (progress) => {
          if (!('runs' in progress)) return;
          const runs = counted(outcome.runs + progress.runs, 'run');
          status.show(`arena on the running kernel: ${runs}, ${grouped(outcome.steps + progress.steps)} steps`);
        },
      },
    );
    if (driven.kind === 'ended') {
      addTo(outcome, demandWork(driven.reply));
      return outcome;
    }
    if (driven.where === undefined && surroundings.stopReason() !== undefined) return outcome;
    if (driven.where === undefined) throw new Error(`the process that drives the kernel ended with ${driven.how}`);
    outcome.findings.push(deathOf(desk, request, driven.how, driven.where));
    firstRun = driven.where.run + 1;
    if (++deaths >= MOST_DEATHS || isOver() || firstRun >= plan.endRun) return outcome;
  }
}

function addTo(outcome: Outcome, reply: DriverReply): void {
  if (reply.kind === 'skipped') outcome.skipped = reply.reason;
  if (reply.kind !== 'campaign') return;
  outcome.runs += reply.runs;
  outcome.steps += reply.steps;
  Object.assign(outcome.operations, reply.operations);
  if (reply.finding !== undefined) outcome.findings.push(reply.finding);
}

/** The trace at which a driver died, drawn again on the model alone. It is not performed again: it may have hurt the kernel. */
function deathOf(desk: Desk, request: Plan, how: string, where: Where): Finding {
  const model = arenaSuite(desk.registry.suite(request.suite));
  const restricted = restrictionsOf({ ...request, release: release(), drawn: true });
  const machine = machineOfThisOne();
  const steps = redrawn(asOnKernel(model, restricted), { ...request, ...where }, machine);
  const { kernel, seed, suite } = request;
  const comment = ` ended the process that drove the running kernel with ${how}, at its last step`;
  const text = printTrace({
    header: { kernel, machine, suite, seed, expect: { kind: 'diverges' } },
    steps,
    comments: [{ step: -1, place: 'above', text: comment }],
  });
  const sentences = [`step ${where.performed}: the process that drives the kernel ended with ${how}`];
  return {
    kind: 'harmed',
    run: where.run,
    text,
    steps: steps.length,
    stepsBefore: steps.length,
    executions: 0,
    sentences,
  };
}

function saved({ surroundings }: Desk, folder: string, { text, kind }: Finding): string {
  const whole = resolve(surroundings.folder, folder);
  return relative(
    surroundings.folder,
    inFile(folder, () => saveNew(whole, `arena-live-${kind}`, '.trace', text)),
  );
}

interface Told {
  readonly profile: string;
  readonly seed: string;
  readonly seconds: number;
  readonly outcome: Outcome;
  readonly paths: readonly string[];
}

function tell(desk: Desk, { profile, seed, seconds, outcome, paths }: Told): void {
  const { colours } = desk;
  const { runs, steps, findings, skipped } = outcome;
  const reason = skipped ?? (runs === 0 && findings.length === 0 ? NO_TIME : undefined);
  if (reason !== undefined) {
    desk.say(`arena on the running kernel: skipped, ${reason}`);
    return;
  }
  const verdict = findings.length === 0 ? colours.green('no divergence') : colours.red('diverges');
  desk.say(`arena on the running kernel ${release()} against profile ${profile}, seed ${seed}: ${verdict}`);
  const speed = grouped(steps / Math.max(seconds, 0.001));
  desk.say(`  ${counted(runs, 'run')}, ${grouped(steps)} steps in ${duration(seconds)}, ${speed} steps/s`);
  for (const [index, { sentences, text, run, stepsBefore, executions }] of findings.entries()) {
    desk.say();
    for (const sentence of sentences) desk.say(colours.red(sentence));
    const effort =
      executions === 0
        ? 'not shrunk'
        : `shrunk from ${counted(stepsBefore, 'step')} in ${counted(executions, 'execution')}`;
    desk.say(`found in run ${run}, ${effort}:`);
    desk.say();
    for (const line of indented(text)) desk.say(line);
    desk.say();
    desk.say('saved; perform it again with');
    desk.say(`  ${desk.command('replay', paths[index]!)} --target live`);
  }
}

function answerOf(desk: Desk, known: object, outcome: Outcome, paths: readonly string[]): Answer {
  const { findings, skipped, runs } = outcome;
  const verdict = findings.length > 0 ? 'diverges' : skipped !== undefined || runs === 0 ? 'skipped' : 'holds';
  const reason = skipped ?? (verdict === 'skipped' ? NO_TIME : undefined);
  const { operations, steps } = outcome;
  const found = findings.map((finding, index) => ({ ...finding, path: paths[index] }));
  const suite = { ...known, target: 'live', runs, steps, verdict, reason, operations, findings: found };
  const exitCode = findings.length > 0 ? FOUND_SOMETHING : (desk.stoppedCode() ?? ALL_WELL);
  return { exitCode, document: { suites: [suite] } };
}

const NO_TIME = 'no time was left for a whole run';
/** A kernel that kills one driver after the other is left alone. */
const MOST_DEATHS = 3;
