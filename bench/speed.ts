import { takenChunksAreOwned } from '../properties/engine/toy/laws.ts';
import { type Piece, ToyWorld } from '../properties/engine/toy/world.ts';
import { Session } from '../src/engine/session.ts';
import { StepColumns } from '../src/engine/step-columns.ts';
import type { Step } from '../src/language/trace.ts';
import { runCommands } from './fast-check-commands.ts';
import { medianRatio, nanosecondsPerStep } from './rounds.ts';
import { evenRuns, journalledToy, performRuns, plainToy, stepsOfRun, UnjournalledJournal } from './toy-runs.ts';

/** A measured ratio, and what it should be. */
export interface Ratio {
  readonly name: string;
  readonly ratio: number;
  readonly wanted: string;
}

/** The whole harness for each executed step: generate, run, check, record; fast-check's commands over ours. */
export function harnessAgainstPeer(rounds: number): readonly Ratio[] {
  const [length, runs] = [200, 150];
  let first = 0;
  const numbers = () => Array.from({ length: runs }, () => first++);
  const times = nanosecondsPerStep(
    {
      peer: () => runCommands({ length, runs, seed: first }).executed,
      journalled: () => performRuns(journalledToy, numbers(), length),
      plain: () => performRuns(plainToy, numbers(), length),
    },
    { rounds },
  );
  const wanted = 'at least 2, better 4';
  return [
    { name: 'fast-check / roxcheck, per executed step', ratio: medianRatio(times.peer, times.journalled), wanted },
    { name: '  the same, toy state not journalled', ratio: medianRatio(times.peer, times.plain), wanted },
  ];
}

/** What a step costs in a trace of a million steps, over the same in traces of a thousand. */
export function costOfLength(rounds: number): readonly Ratio[] {
  const [long] = evenRuns(1, 1_000_000);
  const short = [...evenRuns(300, 1_000)];
  const times = nanosecondsPerStep(
    {
      long: () => performRuns(journalledToy, [long!], 1_000_000),
      short: () => performRuns(journalledToy, short, 1_000),
    },
    { rounds, warmUps: 1 },
  );
  const name = 'step of 1,000,000 / step of 1,000';
  return [{ name, ratio: medianRatio(times.long, times.short), wanted: 'at most 1.2, better 1.1' }];
}

/** What performing recorded steps costs, over calling the model for them and judging the law. */
export function performingAgainstCalling(rounds: number): readonly Ratio[] {
  const traces = [...evenRuns(100, 200)].map((number) => stepsOfRun(plainToy, number, 200));
  const calls = traces.map((steps) => steps.map(callOf));
  const session = new Session(plainToy, { kernel: 'toy' });
  const columns = traces.map((steps) => StepColumns.of(session.operations, steps));
  const times = nanosecondsPerStep(
    {
      performing: () => sum(columns, (recorded) => performAll(session, recorded)),
      calling: () => sum(calls, callAll),
    },
    { rounds, warmUps: 20 },
  );
  const name = 'performing recorded steps / bare model calls';
  return [{ name, ratio: medianRatio(times.performing, times.calling), wanted: 'better 1.1' }];
}

function performAll(session: Session<ToyWorld>, recorded: StepColumns): number {
  session.replay(recorded);
  return session.stepCount;
}

/** A step as somebody would write it who tests this one model by hand. */
interface Call {
  readonly operation: string;
  readonly piece: number;
  readonly length: number;
  readonly tag: number;
  readonly value: number;
}

function callOf({ operation, args, made }: Step): Call {
  const piece = (args.piece ?? made[0]) as number;
  const { length = 0, tag = 0, value = 0 } = args as { length?: number; tag?: number; value?: number };
  return { operation: operation.name, piece, length, tag, value };
}

function callAll(calls: readonly Call[]): number {
  const world = new ToyWorld(new UnjournalledJournal());
  const pieces: Piece[] = [];
  for (let index = 0; index < calls.length; index++) {
    const { operation, piece, length, tag, value } = calls[index]!;
    if (operation === 'alloc') pieces[piece] = world.allocate(length, tag);
    else if (operation === 'write') world.write(pieces[piece]!, value);
    else if (operation === 'seal') world.seal(pieces[piece]!);
    else if (operation === 'unseal') world.unseal(pieces[piece]!);
    else world.free(pieces[piece]!);
    takenChunksAreOwned.judge(world, fail);
  }
  return calls.length;
}

function fail(evidence: string): never {
  throw new Error(evidence);
}

function sum<Item>(items: readonly Item[], count: (item: Item) => number): number {
  return items.reduce((total, item) => total + count(item), 0);
}
