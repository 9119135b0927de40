import { randomOfRun, Walk } from '../../engine/generate.ts';
import { Session } from '../../engine/session.ts';
import { shrink } from '../../engine/shrink.ts';
import type { OperationCount, Violation } from '../../engine/verdict.ts';
import type { Step, Trace } from '../../language/trace.ts';
import { printTrace } from '../../language/trace-text/print.ts';
import type { ArenaWorld } from '../../model/arena-world.ts';
import { KernelHarmed } from './kernel-health.ts';
import type { LockStepBench } from './lock-step-bench.ts';

/** What a campaign is to do. Plain data: it travels to the process that drives the kernel. */
export interface CampaignRequest {
  readonly seed: string;
  /** The profile of the model. */
  readonly kernel: string;
  /** Numbers of the runs: from this one ... */
  readonly firstRun: number;
  /** ... up to, but not including, this one. */
  readonly endRun: number;
  readonly steps: number;
  /** Planted in the model, to see whether the kernel notices. */
  readonly fault?: string;
}

/** What a campaign found. */
export interface CampaignReport {
  readonly runs: number;
  readonly steps: number;
  readonly operations: Readonly<Record<string, OperationCount>>;
  readonly finding?: Finding;
}

/** A trace on which the kernel and the model differ, or after which the kernel was not well any more. */
export interface Finding {
  readonly kind: 'diverges' | 'harmed';
  readonly run: number;
  /** The trace as text; minimal where the kernel was well enough to shrink it. */
  readonly text: string;
  readonly steps: number;
  readonly stepsBefore: number;
  readonly executions: number;
  /** What broke, in words: `step 4: the model says -EBUSY, the kernel says 0`. */
  readonly sentences: readonly string[];
}

interface CampaignHooks {
  /** Asked between runs and within long ones. */
  isOver(): boolean;
  onProgress(runs: number, steps: number): void;
  /** Told the number of each run that begins. */
  onRun?(run: number): void;
}

/**
 * Draws trace after trace, each performed on the model and on the running kernel at once, until the budget is used up, something
 * differs, or the kernel warns. What differs is shrunk on both; what made the kernel warn is not done again.
 */
export async function lockStepCampaign(
  { suite, machine }: LockStepBench,
  request: CampaignRequest,
  hooks: CampaignHooks,
): Promise<CampaignReport> {
  const { kernel, seed, fault } = request;
  const session = new Session(suite, { kernel, machine, fault });
  let runs = 0;
  let steps = 0;
  const report = (finding?: Finding): CampaignReport => ({
    runs,
    steps,
    operations: Object.fromEntries(session.operationCounts()),
    ...(finding !== undefined && { finding }),
  });
  for (let number = request.firstRun; number < request.endRun && !hooks.isOver(); number++) {
    hooks.onRun?.(number);
    const random = randomOfRun({ seed, suite: suite.name, kernel, number });
    const walk = new Walk(session, random, request.steps);
    const header = { kernel, machine, suite: suite.name, seed, ...(fault !== undefined && { fault }) };
    const found = (violation: Violation | undefined, cause: unknown): Finding =>
      violation === undefined
        ? asHarmed({ header, steps: walk.steps }, number, cause)
        : asDivergence(suite, { header, steps: walk.steps }, number);
    try {
      while (!walk.advance(PORTION)) await breathe(hooks, runs, steps + walk.length);
    } catch (error) {
      if (!isHarm(error)) throw error;
      steps += walk.length;
      return report(found(undefined, error));
    }
    runs += 1;
    steps += walk.length;
    if (walk.outcome === 'violates') return report(found(session.violation, undefined));
    await breathe(hooks, runs, steps);
  }
  return report();
}

/** Draws the same run on the model alone, as far as it came: for a run that ended with the process that drove the kernel. */
export function redrawn(
  suite: LockStepBench['suite'],
  request: CampaignRequest & { readonly run: number; readonly performed: number },
  machine: LockStepBench['machine'],
): readonly Step[] {
  const { kernel, seed, run, performed, fault } = request;
  const session = new Session<ArenaWorld>(suite, { kernel, machine, fault });
  const walk = new Walk(session, randomOfRun({ seed, suite: suite.name, kernel, number: run }), request.steps);
  walk.advance(performed);
  return walk.steps;
}

function asDivergence(suite: LockStepBench['suite'], trace: Trace, run: number): Finding {
  const { trace: minimal, violation, executions, modelBug } = shrink(suite, trace);
  if (isHarm(modelBug)) return asHarmed({ ...trace, steps: minimal.steps }, run, modelBug);
  const sentences = violation.evidence.map((sentence) => `step ${violation.step + 1}: ${sentence}`);
  return { kind: 'diverges', ...asText(trace, minimal.steps, run), executions, sentences };
}

function asHarmed(trace: Trace, run: number, error: unknown): Finding {
  const { message } = causeOf(error);
  return { kind: 'harmed', ...asText(trace, trace.steps, run), executions: 0, sentences: [message] };
}

function asText(trace: Trace, steps: readonly Step[], run: number) {
  const { header } = trace;
  const origin = ` found by seed "${header.seed}" in run ${run} on a running kernel, shrunk from ${trace.steps.length} steps`;
  const text = printTrace({
    header: { ...header, expect: { kind: 'diverges' } },
    steps,
    comments: [{ step: -1, place: 'above', text: origin }],
  });
  return { run, text, steps: steps.length, stepsBefore: trace.steps.length };
}

/** The engine wraps what a step throws. */
const causeOf = (error: unknown): Error =>
  error instanceof Error && error.cause instanceof Error ? error.cause : (error as Error);
const isHarm = (error: unknown): boolean => causeOf(error) instanceof KernelHarmed;

async function breathe(hooks: CampaignHooks, runs: number, steps: number): Promise<void> {
  hooks.onProgress(runs, steps);
  await new Promise<void>((resume) => setImmediate(resume));
}

const PORTION = 256;
