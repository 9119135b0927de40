import { release } from 'node:os';
import { performTrace } from '../engine/perform.ts';
import type { Trace } from '../language/trace.ts';
import { printTrace } from '../language/trace-text/print.ts';
import { counted } from '../report/numbers.ts';
import { drive } from '../targets/live/driver-process.ts';
import type { Answer, Desk } from './desk.ts';
import { ALL_WELL, FOUND_SOMETHING } from './exit-codes.ts';
import {
  DRIVER_VERB,
  type DriverProgress,
  type DriverReply,
  type DriverRequest,
  demandWork,
  PROGRAM,
  type Replayed,
} from './lock-step.ts';
import { checkedHazards } from './run-live-arenas.ts';
import { type LoadedTrace, loadTrace } from './traces.ts';

/** What a trace did on the running kernel. */
interface ReplayedLive {
  readonly path: string;
  readonly actual: 'as on the model' | 'differs' | 'differs as expected' | 'known bug gone' | 'skipped';
  /** The bug of a kernel that the trace shows on the model. */
  readonly bug: string | undefined;
  readonly sentences: readonly string[];
}

/**
 * `replay --target live`: performs traces of arenas on the model and on the running kernel at once. A trace that shows a known bug
 * of its kernel on the model says whether the running one has it too.
 */
export async function replayLive(
  desk: Desk,
  paths: readonly string[],
  allowed: readonly string[] | undefined,
): Promise<Answer> {
  const allowedHazards = checkedHazards(allowed);
  const loaded = paths.map((path) => loadTrace(desk, path));
  const results: ReplayedLive[] = [];
  const accept = (index: number, replayed: Omit<Replayed, 'index'>) => {
    const result = judge(loaded[index]!, replayed);
    results.push(result);
    for (const line of linesOf(desk, result)) desk.say(line);
  };
  const traces = loaded.map(({ trace, suite, kernel }) => ({
    suite: suite.name,
    kernel,
    text: withoutExpectation(trace),
  }));
  for (let first = 0; first < traces.length && desk.stoppedCode() === undefined; ) {
    const request: DriverRequest = { kind: 'replay', allowedHazards, traces, first };
    const driven = await drive<DriverReply, DriverProgress>(PROGRAM, [DRIVER_VERB, JSON.stringify(request)], {
      isOver: () => desk.surroundings.stopReason() !== undefined,
      onProgress: (progress) => 'replayed' in progress && accept(progress.replayed.index, progress.replayed),
    });
    if (driven.kind === 'ended') {
      const reply = demandWork(driven.reply);
      if (reply.kind === 'skipped') desk.say(`skipped: ${reply.reason}`);
      break;
    }
    const { where, how } = driven;
    if (where === undefined) throw new Error(`the process that drives the kernel ended with ${how}`);
    accept(where.run, {
      skipped: 0,
      reasons: [],
      sentences: [`step ${where.performed}: the driver ended with ${how}`],
    });
    first = where.run + 1;
  }
  const differing = results.filter(({ actual }) => actual === 'differs').length;
  desk.say(
    `${counted(results.length, 'trace')} replayed on the running kernel ${release()}, ${differing} of them differ`,
  );
  const exitCode = differing > 0 ? FOUND_SOMETHING : (desk.stoppedCode() ?? ALL_WELL);
  return { exitCode, document: { target: 'live', traces: results } };
}

/** What is expected on the model says nothing here, and the machine is the one that runs. */
function withoutExpectation(trace: Trace): string {
  const { machine: _, expect: __, ...header } = trace.header;
  return printTrace({ ...trace, header });
}

function judge(
  { path, trace, suite, kernel }: LoadedTrace,
  { skipped, reasons, sentences }: Omit<Replayed, 'index'>,
): ReplayedLive {
  const onModel = performTrace(suite, trace, { kernel });
  const bug = onModel.kind === 'known' ? onModel.bug : undefined;
  if (skipped > 0) {
    const why = reasons.length > 0 ? reasons.join('; ') : 'it is possible on the model only';
    return { path, bug, actual: 'skipped', sentences: [`${counted(skipped, 'step')} not performed: ${why}`] };
  }
  if (sentences.length === 0) return { path, bug, actual: 'as on the model', sentences };
  const isMeant = trace.header.expect?.kind === 'diverges';
  return {
    path,
    bug,
    actual: isMeant ? 'differs as expected' : bug === undefined ? 'differs' : 'known bug gone',
    sentences,
  };
}

function linesOf({ colours }: Desk, { path, actual, bug, sentences }: ReplayedLive): readonly string[] {
  const [first = '', ...more] = sentences;
  const rest = more.map((sentence) => `      ${sentence}`);
  switch (actual) {
    case 'as on the model':
      return [`${colours.green('ok  ')}  ${path}: ${bug === undefined ? actual : `this kernel has ${bug}`}`];
    case 'known bug gone':
      return [`${colours.green('ok  ')}  ${path}: this kernel no longer has ${bug}: ${first}`, ...rest];
    case 'differs as expected':
      return [`${colours.green('ok  ')}  ${path}: ${actual}, ${first}`, ...rest];
    case 'skipped':
      return [`${colours.yellow('skip')}  ${path}: ${first}`];
    case 'differs':
      return [`${colours.red('FAIL')}  ${path}: ${first}`, ...rest];
  }
}
