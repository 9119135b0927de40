import { type Enumeration, enumerate } from '../engine/enumerate.ts';
import { shrink } from '../engine/shrink.ts';
import type { Trace } from '../language/trace.ts';
import { printTrace } from '../language/trace-text/print.ts';
import { counted, grouped } from '../report/numbers.ts';
import { Table } from '../report/table.ts';
import type { Answer, Desk } from './desk.ts';
import { ALL_WELL, FOUND_SOMETHING } from './exit-codes.ts';
import { indented, type KeptFailure, keepShrunk, lawSentence, violationText } from './failure.ts';
import type { RunVerbOptions } from './run-options.ts';
import { type Job, planJobs } from './run-plan.ts';

export type ExhaustiveOptions = RunVerbOptions & { readonly exhaustive: number };

/**
 * `run --exhaustive N`: every trace of up to N steps instead of drawn ones. Arguments take the few telling values that they
 * name themselves; traces that differ in the names of results only are performed once.
 */
export function runExhaustive(desk: Desk, suiteNames: readonly string[], options: ExhaustiveOptions): Answer {
  const { colours, registry, surroundings } = desk;
  const jobs = planJobs(registry, { suites: suiteNames, kernels: options.kernel, fault: options.fault });
  const end = options.for === undefined ? undefined : surroundings.now() + options.for;
  const table = tableOf(jobs);
  desk.say(colours.bold(table.head()));
  const results: Result[] = [];
  for (const [index, job] of jobs.entries()) {
    if (job.lacking !== undefined) continue;
    const share = end === undefined ? undefined : (end - surroundings.now()) / (jobs.length - index);
    const result = enumerateJob(desk, job, options, share);
    results.push(result);
    desk.say(table.row(row(desk, result)));
    for (const { lines } of result.failures) for (const line of ['', ...lines]) desk.say(line);
  }
  const isBroken = results.some(({ failures }) => failures.length > 0);
  return { exitCode: isBroken ? FOUND_SOMETHING : ALL_WELL, document: { suites: results.map(record) } };
}

interface Result {
  readonly job: Job;
  readonly steps: number;
  readonly seconds: number;
  readonly enumeration: Enumeration;
  readonly failures: readonly Found[];
}

interface Found {
  readonly law: string;
  readonly kept: KeptFailure;
  readonly lines: readonly string[];
}

/** The work is done in one go, so Ctrl-C ends the process as it ends any other. */
function enumerateJob(desk: Desk, { suite, kernel }: Job, options: ExhaustiveOptions, share?: number): Result {
  const { surroundings, status } = desk;
  const { exhaustive: steps, machine = {}, fault, save, values } = options;
  const begin = surroundings.now();
  const elapsed = () => surroundings.now() - begin;
  status.show(`${suite.name} on ${kernel}: every trace of up to ${counted(steps, 'step')}`);
  const enumeration = surroundings.killable(() =>
    enumerate(suite, {
      kernel,
      machine,
      fault,
      steps,
      ...(values !== undefined && { values }),
      stop: () => share !== undefined && elapsed() >= share,
    }),
  );
  const seconds = elapsed() / 1000;
  const failures = enumeration.failures.map(({ steps: failing, violation: { law } }) => {
    const header = { kernel, suite: suite.name, expect: { kind: 'violates', law } } as const;
    const given = { ...(Object.keys(machine).length > 0 && { machine }), ...(fault !== undefined && { fault }) };
    return keep(desk, suite, { header: { ...header, ...given }, steps: failing }, save);
  });
  return { job: { suite, kernel }, steps, seconds, enumeration, failures };
}

/** No shorter trace shows it, but its arguments may become simpler. */
function keep(desk: Desk, suite: Job['suite'], found: Trace, folder: string): Found {
  const { trace, violation, executions, modelBug: bug } = desk.surroundings.killable(() => shrink(suite, found));
  const stepsBefore = found.steps.length;
  const origin = ` found by performing every trace of up to ${counted(stepsBefore, 'step')}`;
  const text = printTrace({ ...trace, comments: [{ step: -1, place: 'above', text: origin }] });
  const kernel = found.header.kernel!;
  const kept = keepShrunk(
    desk,
    { suite, kernel, run: 0, stepsBefore, trace, text, violation, executions, bug },
    folder,
  );
  const next =
    kept.path === undefined ? [] : ['', 'saved; perform it again with', `  ${desk.command('replay', kept.path)}`];
  const lines = [
    desk.colours.red(`${suite.name} on ${kernel} violates ${violation.law}:`),
    `  ${lawSentence(suite, violation)}`,
    ...violationText(trace, violation).map((line) => `  ${line}`),
    '',
    ...indented(text),
    ...next,
  ];
  return { law: violation.law, kept, lines };
}

function tableOf(jobs: readonly Job[]): Table {
  return new Table([
    { title: 'suite', widest: jobs.map(({ suite }) => suite.name) },
    { title: 'kernel', widest: jobs.map(({ kernel }) => kernel) },
    { title: 'steps', align: 'right' },
    { title: 'traces', widest: ['100,000,000'], align: 'right' },
    { title: 'states', widest: ['10,000,000'], align: 'right' },
    { title: 'traces/s', widest: ['100,000'], align: 'right' },
    { title: 'verdict' },
  ]);
}

function row({ colours }: Desk, { job, steps, seconds, enumeration, failures }: Result): readonly string[] {
  const { traces, states, isComplete, known } = enumeration;
  const verdict = failures.length > 0 ? colours.red('violates') : colours.green('holds');
  const notes = [
    ...(isComplete ? [] : ['not all: the time was up']),
    ...(known > 0 ? [`${counted(known, 'trace')} in known bugs`] : []),
  ];
  return [
    job.suite.name,
    job.kernel,
    String(steps),
    grouped(traces),
    states === undefined ? 'not told apart' : grouped(states),
    grouped(traces / Math.max(seconds, 0.001)),
    notes.length === 0 ? verdict : `${verdict} (${notes.join('; ')})`,
  ];
}

function record({ job: { suite, kernel }, steps, seconds, enumeration, failures }: Result): unknown {
  const { traces, states, isComplete, known } = enumeration;
  return {
    suite: suite.name,
    kernel,
    steps,
    traces,
    states: states ?? null,
    complete: isComplete,
    knownTraces: known,
    seconds,
    verdict: failures.length > 0 ? 'violates' : 'holds',
    findings: failures.map(({ law, kept: { path, steps: traceSteps } }) => ({ law, tracePath: path, traceSteps })),
  };
}
