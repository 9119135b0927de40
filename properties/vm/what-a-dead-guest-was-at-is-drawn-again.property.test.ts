import { expect, test } from 'vitest';
import { Random } from '../../src/base/seed.ts';
import { Desk } from '../../src/cli/desk.ts';
import type { TriedByDriver } from '../../src/cli/lock-step.ts';
import { processSurroundings } from '../../src/cli/surroundings.ts';
import { lastWordsOf } from '../../src/cli/vm-death.ts';
import { kernelSentences } from '../../src/lab/kernels.ts';
import { Registry } from '../../src/lab/registry.ts';
import { arenaSuite } from '../../src/lab/suites/arena.ts';
import { parseTrace } from '../../src/language/trace-text/parse.ts';
import { printTrace } from '../../src/language/trace-text/print.ts';
import { drawProgram } from '../../src/targets/live/drawn-program.ts';
import { asOnKernel } from '../../src/targets/live/lock-step.ts';
import { restrictionsOf } from '../../src/targets/live/lock-step-bench.ts';
import { redrawn } from '../../src/targets/live/lock-step-campaign.ts';

const desk = new Desk(new Registry([arenaSuite], kernelSentences), processSurroundings(), {
  silent: true,
  modules: [],
  canReloadSuites: false,
});
const machine = { cpus: '2', memory: '1024' };
const tried: TriedByDriver = {
  kind: 'lock-step',
  request: {
    kind: 'campaign',
    suite: 'arena',
    allowedHazards: [],
    seed: 'dead',
    kernel: '6.18.15',
    firstRun: 0,
    endRun: 9,
    steps: 60,
  },
  release: '6.18.15-cloud',
  machine,
  circumstances: { nodes: [0], splitLocksTrap: false },
};

test('the steps of a run up to the one at which a kernel died, on a machine like the guest', () => {
  const { name, extension, text, sentence } = lastWordsOf(desk, { attempt: tried, run: 4, performed: 17 });
  expect([name, extension, sentence]).toEqual(['arena-live-panic', '.trace', 'it was at step 17 of run 4, seed dead']);
  const trace = parseTrace(text, [arenaSuite]);
  expect(trace.header).toMatchObject({ kernel: '6.18.15', machine, expect: { kind: 'diverges' } });
  const restricted = restrictionsOf({ release: tried.release, allowedHazards: [], drawn: true }, tried.circumstances);
  const request = { ...tried.request, seed: 'dead', kernel: '6.18.15', firstRun: 0, endRun: 9, steps: 60, run: 4 };
  const whole = redrawn(asOnKernel(arenaSuite, restricted), { ...request, performed: 60 }, machine);
  const { header } = trace;
  expect(printTrace({ header, steps: trace.steps })).toBe(printTrace({ header, steps: whole.slice(0, 17) }));
});

test('what a guest would have been asked for depends on its circumstances, not on those of this machine', () => {
  const drawnWith = (splitLocksTrap: boolean) =>
    Array.from({ length: 40 }, (_, run) => {
      const attempt = { ...tried, circumstances: { nodes: [0], splitLocksTrap } };
      return lastWordsOf(desk, { attempt, run, performed: 60 }).text;
    });
  expect(drawnWith(true)).not.toEqual(drawnWith(false));
});

test('a trace that was replayed, and a program that was loaded', () => {
  const replay = {
    ...tried,
    request: { kind: 'replay', allowedHazards: [], first: 0, traces: [{ text: 'the trace\n' }] },
  };
  expect(lastWordsOf(desk, { attempt: replay, run: 0, performed: 3 })).toMatchObject({
    text: 'the trace\n',
    sentence: 'it was at step 3 of trace 1',
  });
  const attempt = { kind: 'programs', seed: 'dead', parts: 8 };
  const { text, extension } = lastWordsOf(desk, { attempt, run: 7, performed: 1 });
  expect(extension).toBe('.hex');
  expect(text).toMatch(/^[0-9a-f]+\n$/);
  expect((text.length - 1) / 16).toBe(drawProgram(new Random('dead/jit/7'), 8).length);
});
