import { resolve } from 'node:path';
import { type Certificate, certify } from '../engine/certify.ts';
import { shrink } from '../engine/shrink.ts';
import type { Trace, TraceHeader } from '../language/trace.ts';
import { printTrace } from '../language/trace-text/print.ts';
import { counted, grouped } from '../report/numbers.ts';
import { bugReport } from './bug-report.ts';
import type { Answer, Desk } from './desk.ts';
import { ALL_WELL, FOUND_SOMETHING } from './exit-codes.ts';
import { indented, lawSentence, violationText } from './failure.ts';
import { inFile, saveAs } from './files.ts';
import { type LoadedTrace, loadTrace } from './traces.ts';
import type { Verb } from './verb.ts';

export const shrinkVerb: Verb = {
  name: 'shrink',
  does: 'makes a failing trace minimal: no step can go and no argument can be simpler without losing the failure',
  words: [{ syntax: '<trace>', does: 'a trace file that breaks a law' }],
  options: [
    { syntax: '--out <file>', does: 'where the minimal trace goes (default: beside it, as NAME.min.trace)' },
    { syntax: '--certify', does: 'checks again that no step, no two steps and no simpler argument can go' },
  ],
  act: async (desk, words, options: ShrinkOptions) => shrinkFile(desk, words[0]!, options),
};

interface ShrinkOptions {
  readonly out?: string;
  readonly certify?: boolean;
}

function shrinkFile(desk: Desk, path: string, options: ShrinkOptions): Answer {
  const { out = besidePath(path) } = options;
  const { surroundings } = desk;
  const loaded = loadTrace(desk, path);
  const { suite } = loaded;
  desk.status.show(`shrinking ${path}`);
  const {
    trace,
    violation: kept,
    executions,
    modelBug,
  } = inFile(path, () => surroundings.killable(() => shrink(suite, withKernel(loaded))));
  const from = loaded.trace.steps.length;
  const note = { step: -1, place: 'above', text: ` shrunk from ${counted(from, 'step')} of ${path}` } as const;
  const header: TraceHeader = { ...trace.header, expect: { kind: 'violates', law: kept.law } };
  const text = printTrace({ ...trace, header, comments: [note] });
  inFile(out, () => saveAs(resolve(surroundings.folder, out), text));
  const steps = `${grouped(from)} to ${counted(trace.steps.length, 'step')}`;
  for (const line of [
    `${path} violates ${kept.law}:`,
    `  ${lawSentence(suite, kept)}`,
    ...violationText(trace, kept).map((one) => `  ${one}`),
    `shrunk from ${steps} in ${counted(executions, 'execution')}:`,
    '',
    ...indented(text),
    '',
    'saved; perform it again with',
    `  ${desk.command('replay', out)}`,
  ]) {
    desk.say(line);
  }
  if (modelBug !== undefined) desk.complain(bugReport(modelBug));
  const certificate = options.certify ? surroundings.killable(() => certify(suite, trace, { pairs: true })) : undefined;
  if (certificate !== undefined) for (const line of certificateText(certificate)) desk.say(line);
  const document = { tracePath: out, law: kept.law, evidence: kept.evidence, trace: text };
  return {
    exitCode: certificate?.isMinimal === false ? FOUND_SOMETHING : ALL_WELL,
    document: {
      ...document,
      traceSteps: trace.steps.length,
      stepsBefore: from,
      shrinkExecutions: executions,
      ...(certificate && { certificate: { isMinimal: certificate.isMinimal, checked: certificate.checked } }),
    },
  };
}

function certificateText({ isMinimal, checked, counterexample }: Certificate): readonly string[] {
  const variants = counted(checked, 'variant');
  if (isMinimal)
    return ['', `certified: of ${variants} (each step, each two steps, each simpler argument) none fails so`];
  return ['', `not minimal: it fails in the same way ${counterexample!.change}`];
}

/** The trace with the suite and the kernel that it is performed on in its head, so that it stands for itself. */
function withKernel({ trace, suite, kernel }: LoadedTrace): Trace {
  return { ...trace, header: { ...trace.header, suite: suite.name, kernel } };
}

function besidePath(path: string): string {
  return `${path.replace(/\.trace$/, '')}.min.trace`;
}
