import { cpus, loadavg } from 'node:os';
import { Table } from '../src/report/table.ts';
import { arenaSteps } from './arena-steps.ts';
import { type EnumerationFigures, enumerationFigures } from './enumeration.ts';
import { lawsAgainstNone } from './laws.ts';
import { costOfLongLoops, type ProgramSpeed, programSpeeds } from './programs.ts';
import { type ShrinkCount, shrinkCounts } from './shrink-counts.ts';
import { costOfLength, harnessAgainstPeer, performingAgainstCalling, type Ratio } from './speed.ts';
import { type TimeToBug, timesToBug } from './time-to-bug.ts';

export interface BenchOptions {
  /** Fewer rounds and traces: figures to look at, not to quote. */
  readonly quick: boolean;
  /** Prints one JSON document on one line instead of tables. */
  readonly json: boolean;
}

/** Measures all there is and prints it. */
export function measureEverything({ quick, json }: BenchOptions): void {
  const rounds = quick ? 5 : 15;
  const machine = machineNow();
  if (!json) console.log(`${machine.cpu}, ${machine.cores} cores, load ${machine.load}, Node ${machine.node}\n`);
  // Speeds come first: what has run before in a process makes V8's code slower, and the ratios share that.
  const programs = programSpeeds(quick ? 5 : 15);
  const ratios = [
    ...harnessAgainstPeer(rounds),
    ...performingAgainstCalling(2 * rounds + 1),
    ...costOfLength(quick ? 3 : 7),
    ...lawsAgainstNone(quick ? 3 : 9),
    ...arenaSteps(quick ? 3 : 9),
    ...costOfLongLoops(quick ? 3 : 9),
  ];
  if (!json) printRatios(ratios);
  if (!json) printSpeeds(programs);
  const shrinking = shrinkCounts(quick ? 5 : 20);
  if (!json) printShrinking(shrinking);
  const bugs = timesToBug(quick ? 11 : 40);
  if (!json) printTimesToBug(bugs);
  const enumeration = enumerationFigures(quick ? 4 : 6);
  if (json) console.log(JSON.stringify({ machine, rounds, ratios, programs, shrinking, bugs, enumeration }));
  else printEnumeration(enumeration);
}

/** Ratios stand on one machine, yet a crowded one makes them less sure: readers should know. */
function machineNow(): Readonly<Record<'cpu' | 'node' | 'v8', string> & { cores: number; load: number }> {
  const { node, v8 } = process.versions;
  const processors = cpus();
  const [load] = loadavg();
  return {
    cpu: processors[0]?.model ?? process.arch,
    cores: processors.length,
    load: Number(load!.toFixed(1)),
    node,
    v8,
  };
}

function printRatios(ratios: readonly Ratio[]): void {
  const table = new Table([
    { title: 'ratio', widest: ratios.map(({ name }) => name) },
    { title: 'measured', align: 'right' },
    { title: 'wanted' },
  ]);
  console.log(table.head());
  for (const { name, ratio, wanted } of ratios) console.log(table.row([name, ratio.toFixed(2), wanted]));
}

/** The one table whose figures are this machine's: they change with its load. */
function printSpeeds(speeds: readonly ProgramSpeed[]): void {
  const table = new Table([
    { title: 'programs', widest: speeds.map(({ name }) => name) },
    { title: 'millions a second', align: 'right' },
    { title: 'wanted' },
  ]);
  console.log(`\n${table.head()}`);
  for (const { name, millionsPerSecond, wanted } of speeds)
    console.log(table.row([name, millionsPerSecond.toFixed(1), wanted]));
}

function printShrinking(counts: readonly ShrinkCount[]): void {
  const table = new Table([
    { title: 'shrinking', widest: counts.map(({ fault }) => fault) },
    ...['steps', 'at best', 'reached', 'certified', 'executions', '90 of 100'].map(
      (title) => ({ title, align: 'right' }) as const,
    ),
  ]);
  console.log(`\n${table.head()}`);
  for (const { fault, from, shortest, atShortest, minimal, executions, executionsNinetiethPercentile } of counts) {
    const figures = [from, shortest, atShortest, minimal, executions, executionsNinetiethPercentile];
    console.log(table.row([fault, ...figures.map(String)]));
  }
}

function printTimesToBug(bugs: readonly TimeToBug[]): void {
  const table = new Table([
    { title: 'operations until a fault shows', widest: bugs.map(({ fault }) => fault) },
    ...['steps', 'measured', 'never guided', 'always guided'].map((title) => ({ title, align: 'right' }) as const),
  ]);
  console.log(`\n${table.head()}`);
  for (const { fault, shortest, steps, withoutGuidance, alwaysGuided } of bugs)
    console.log(table.row([fault, ...[shortest, steps, withoutGuidance, alwaysGuided].map(String)]));
}

function printEnumeration({ steps, traces, states, millionsPerMinute }: EnumerationFigures): void {
  console.log(
    `\nevery trace of up to ${steps} steps over 3 objects: ${traces} traces, ${states} states, ` +
      `${millionsPerMinute.toFixed(1)} million traces a minute (wanted: 5)`,
  );
}
