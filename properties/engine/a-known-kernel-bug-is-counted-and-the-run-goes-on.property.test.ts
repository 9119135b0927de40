import { expect, test } from 'vitest';
import { performTrace } from '../../src/engine/perform.ts';
import { runSuite } from '../../src/engine/run.ts';
import { shrink } from '../../src/engine/shrink.ts';
import { kernelBug } from '../../src/language/kernel-bug.ts';
import type { Trace } from '../../src/language/trace.ts';
import { leakAfterCycles, together, twoPlainPieces } from './toy/faults.ts';
import { failingTrace } from './toy/run.ts';
import { toySuite } from './toy/suite.ts';
import type { ToyWorld } from './toy/world.ts';

const leak = leakAfterCycles(0, 60_000);
const both = together(leak, twoPlainPieces());

const leakOnFree = kernelBug<ToyWorld>({
  name: 'leak-on-free',
  story: 'This kernel leaks a chunk when a piece is freed.',
  kernels: ['toy'],
  laws: ['taken-chunks-are-owned'],
  recognises: (_world, { operation }) => operation.name === 'free',
});

const options = { kernel: 'toy', machine: {}, seed: 'known', runs: 40, steps: 40 };

test('violations that the bug explains are known, and all runs are done', async () => {
  const suite = toySuite({ faults: [leak], kernelBugs: [leakOnFree] });
  const report = await runSuite(suite, { ...options, fault: leak.name });
  expect(report).toMatchObject({ verdict: 'holds', runs: 40, known: ['leak-on-free'] });
});

test('another violation is still found beside it', async () => {
  const suite = toySuite({ faults: [both], kernelBugs: [leakOnFree] });
  const report = await runSuite(suite, { ...options, runs: 400, fault: both.name });
  expect(report.failure?.violation.operation).toBe('alloc');
  expect(report.known).toEqual(['leak-on-free']);
});

test('a bug of another kernel or another law explains nothing', async () => {
  for (const change of [{ kernels: ['other'] }, { laws: ['live-pieces-are-taken'] }]) {
    const suite = toySuite({ faults: [leak], kernelBugs: [{ ...leakOnFree, ...change }] });
    expect((await runSuite(suite, { ...options, fault: leak.name })).verdict).toBe('violates');
  }
});

test('a trace that shows a known bug shrinks as that bug', () => {
  const { trace } = failingTrace('known', { steps: 60, fault: leak.name, suite: toySuite({ faults: [leak] }) });
  const suite = toySuite({ faults: [leak], kernelBugs: [leakOnFree] });
  const shrunk: Trace = shrink(suite, trace).trace;
  expect(shrunk.steps).toHaveLength(2);
  expect(performTrace(suite, shrunk)).toMatchObject({ kind: 'known', bug: 'leak-on-free' });
});
