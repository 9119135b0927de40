import { fileURLToPath } from 'node:url';
import { performTrace } from '../engine/perform.ts';
import { InputError } from '../language/input-error.ts';
import type { AnySuite, MachineSettings, Suite } from '../language/suite.ts';
import { parseTrace } from '../language/trace-text/parse.ts';
import { ArenaWorld } from '../model/arena-world.ts';
import { ArenaTarget } from '../targets/live/arena-target.ts';
import { openArenaTools } from '../targets/live/arena-tools.ts';
import { Driver } from '../targets/live/driver-process.ts';
import { KernelHarmed } from '../targets/live/kernel-health.ts';
import { LiveKernel } from '../targets/live/live-kernel.ts';
import {
  benchFor,
  circumstancesOfThisOne,
  type LockStepBench,
  type MachineCircumstances,
  machineOfThisOne,
} from '../targets/live/lock-step-bench.ts';
import { type CampaignReport, type CampaignRequest, lockStepCampaign } from '../targets/live/lock-step-campaign.ts';
import type { Desk } from './desk.ts';
import { ALL_WELL } from './exit-codes.ts';
import type { Verb } from './verb.ts';

/** What the process that drives the running kernel is told to do, as the one word behind its verb. */
export type DriverRequest = { readonly allowedHazards: readonly string[] } & (
  | ({ readonly kind: 'campaign'; readonly suite: string } & CampaignRequest)
  | { readonly kind: 'replay'; readonly traces: readonly TraceToReplay[]; readonly first: number }
);

/** A trace as text, and the profile that it is performed on. */
export interface TraceToReplay {
  readonly suite: string;
  readonly kernel: string;
  readonly text: string;
}

/** What it answers. */
export type DriverReply =
  | { readonly kind: 'skipped'; readonly reason: string }
  /** A mistake of the user's, or of our own. */
  | { readonly kind: 'failed'; readonly isInput: boolean; readonly message: string }
  | ({ readonly kind: 'campaign' } & CampaignReport)
  | { readonly kind: 'replay' };

/** How a trace went, told as progress while others follow. */
export interface Replayed {
  readonly index: number;
  /** Steps that are not asked of a running kernel, or make no sense. */
  readonly skipped: number;
  /** Why steps were not asked of the kernel, each reason once. */
  readonly reasons: readonly string[];
  /** How the kernel differs from the model: none when it does as the model does. */
  readonly sentences: readonly string[];
}

/** What a driver notes in the black box before it begins: all that it takes to draw its traces again elsewhere. */
export interface TriedByDriver {
  readonly kind: 'lock-step';
  readonly request: DriverRequest;
  readonly release: string;
  readonly machine: MachineSettings;
  readonly circumstances: MachineCircumstances;
}

/** What it tells meanwhile. */
export type DriverProgress = { readonly runs: number; readonly steps: number } | { readonly replayed: Replayed };

/** How this program is started as another process. */
export const PROGRAM = fileURLToPath(new URL('../../bin/roxcheck.js', import.meta.url));
export const DRIVER_VERB = 'lock-step';
/** Drivers are only started as they are built, where this is the module of their peers. */
const BUILT_PEER = new URL('../targets/live/peer-process.js', import.meta.url);

/** The process that drives the running kernel: started by `run` and `replay`, never by people. */
export const lockStepVerb: Verb = {
  name: DRIVER_VERB,
  does: 'drives the running kernel for another process of this program',
  hidden: true,
  words: [{ syntax: '<request>', does: 'what to do' }],
  async act(desk, [word]) {
    const driver = Driver.open<DriverReply, DriverProgress>();
    if (driver === undefined) throw new InputError('this verb is for other processes of the program');
    try {
      await driver.end(await answer(desk, driver, JSON.parse(word!) as DriverRequest));
    } catch (error) {
      const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
      const isInput = error instanceof InputError;
      await driver.end({ kind: 'failed', isInput, message: isInput ? error.message : message });
    }
    return { exitCode: ALL_WELL, document: {} };
  },
};

/** Passes a mistake on as what it was in the other process. */
export function demandWork<Reply extends DriverReply>(reply: Reply): Exclude<Reply, { kind: 'failed' }> {
  if (reply.kind !== 'failed') return reply as Exclude<Reply, { kind: 'failed' }>;
  throw reply.isInput ? new InputError(reply.message) : new Error(reply.message);
}

async function answer(
  desk: Desk,
  driver: Driver<DriverReply, DriverProgress>,
  request: DriverRequest,
): Promise<DriverReply> {
  const kernel = await LiveKernel.open();
  const tools = openArenaTools(kernel);
  if (tools.kind !== 'available') {
    kernel.close();
    return { kind: 'skipped', reason: `${tools.kind}: ${tools.why}; ${tools.remedy}` };
  }
  const target = new ArenaTarget(tools.thing, BUILT_PEER);
  try {
    const { allowedHazards } = request;
    const whereabouts = driver.whereabouts(tools.thing.libc, triedOn(kernel.release, request));
    const benchOf = (suite: string, onRefusal?: (reason: string) => void) =>
      benchFor(arenaSuite(desk.registry.suite(suite)), target, {
        release: kernel.release,
        allowedHazards,
        drawn: request.kind === 'campaign',
        whereabouts,
        ...(onRefusal !== undefined && { onRefusal }),
      });
    if (request.kind === 'replay') {
      for (const [index, trace] of request.traces.entries()) {
        if (index < request.first || driver.isStopped) continue;
        whereabouts.run = index;
        const reasons = new Set<string>();
        const replayed = replay(
          benchOf(trace.suite, (reason) => reasons.add(reason)),
          trace,
        );
        driver.tell({ replayed: { index, reasons: [...reasons], ...replayed } });
        await new Promise<void>((resume) => setImmediate(resume));
      }
      return { kind: 'replay' };
    }
    const report = await lockStepCampaign(benchOf(request.suite), request, {
      isOver: () => driver.isStopped,
      onProgress: throttled(desk, (runs, steps) => driver.tell({ runs, steps })),
      onRun: (run) => {
        whereabouts.run = run;
      },
    });
    return { kind: 'campaign', ...report };
  } finally {
    target.close();
    kernel.close();
  }
}

const triedOn = (release: string, request: DriverRequest): TriedByDriver => ({
  kind: 'lock-step',
  request,
  release,
  machine: machineOfThisOne(),
  circumstances: circumstancesOfThisOne(),
});

function replay(
  { suite, machine }: LockStepBench,
  { text, kernel }: TraceToReplay,
): Omit<Replayed, 'index' | 'reasons'> {
  const trace = parseTrace(text, [suite as AnySuite]);
  try {
    const performed = performTrace(suite, trace, { kernel, machine });
    const skipped = performed.skipped.length;
    if (performed.kind === 'holds') return { skipped, sentences: [] };
    const { step, evidence } = performed.violation;
    return { skipped, sentences: evidence.map((sentence) => `step ${step + 1}: ${sentence}`) };
  } catch (error) {
    const cause = error instanceof Error ? error.cause : undefined;
    if (!(cause instanceof KernelHarmed)) throw error;
    return { skipped: 0, sentences: [cause.message] };
  }
}

/** Only suites of arenas have calls for a running kernel. */
export function arenaSuite(suite: AnySuite): Suite<ArenaWorld> {
  const world = suite.boot(suite.kernels[0]!, {});
  if (world instanceof ArenaWorld) return suite as Suite<ArenaWorld>;
  throw new InputError(`the suite ${suite.name} can't be performed on a running kernel`);
}

function throttled({ surroundings }: Desk, tell: (runs: number, steps: number) => void) {
  let last = 0;
  return (runs: number, steps: number) => {
    const now = surroundings.now();
    if (now - last < 200) return;
    last = now;
    tell(runs, steps);
  };
}
