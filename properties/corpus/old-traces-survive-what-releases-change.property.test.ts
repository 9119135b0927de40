import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { performTrace } from '../../src/engine/perform.ts';
import { runSuite } from '../../src/engine/run.ts';
import { shrink } from '../../src/engine/shrink.ts';
import { allSuites } from '../../src/lab/suites/all.ts';
import { integer, made } from '../../src/language/argument.ts';
import { type AnyOperation, operation } from '../../src/language/operation.ts';
import type { AnySuite } from '../../src/language/suite.ts';
import { printExpectation } from '../../src/language/trace-text/header.ts';
import { parseTrace } from '../../src/language/trace-text/parse.ts';
import { printTrace } from '../../src/language/trace-text/print.ts';
import { shelf } from '../cli/toy-suites.ts';

const OLD_TRACES = 40;

/** Texts of minimal failing traces of the shelf, as today's release writes them. */
async function failingTraces(): Promise<readonly string[]> {
  const texts: string[] = [];
  for (let seed = 0; texts.length < OLD_TRACES; seed++) {
    const options = { kernel: 'new', machine: {}, seed: `${seed}`, runs: 50, steps: 30, fault: 'room-forgotten' };
    const { failure } = await runSuite(shelf, options);
    if (failure !== undefined) texts.push(printTrace(shrink(shelf, failure.trace).trace));
  }
  return texts;
}

const [put, remove] = shelf.operations as [AnyOperation, AnyOperation];

const tidy = operation({ name: 'tidy', does: 'Nothing.', takes: { box: made('box') }, apply: () => undefined });

/** What a later release may do to a suite without a trace's knowing. */
const releases: Readonly<Record<string, readonly AnyOperation[]>> = {
  'an operation is added': [put, remove, tidy],
  'operations are reordered': [remove, put],
  'an operation is renamed': [{ ...put, name: 'store', aliases: ['put', ...(put.aliases ?? [])] }, remove],
  'a range is widened': [{ ...put, takes: { size: integer({ min: 0, max: 5_000 }) } }, remove],
  'an argument is added': [
    { ...put, takes: { ...put.takes, weight: integer({ min: 0, max: 9, default: 0 }) } },
    remove,
  ],
};

describe('traces that one release saved fail the same way in the next', async () => {
  const texts = await failingTraces();

  test.each(Object.entries(releases))('when %s', (_name, operations) => {
    const later: AnySuite = { ...shelf, operations };
    const outcomes = texts.map((text) => {
      const trace = parseTrace(text, [later]);
      const { kind, skipped } = performTrace(later, trace);
      return `${kind} ${skipped.length}`;
    });
    expect(outcomes).toEqual(texts.map(() => 'violates 0'));
  });
});

/** Traces of the release 0.1.0. Nothing in this folder is ever edited: a trace that stops working here is one of a user's. */
const FROZEN = fileURLToPath(new URL('./frozen/', import.meta.url));

test.each(readdirSync(FROZEN))('the frozen trace %s does what it did', (name) => {
  const trace = parseTrace(readFileSync(FROZEN + name, 'utf8'), allSuites);
  const suite = allSuites.find((one) => one.name === trace.header.suite)!;
  const performed = performTrace(suite, trace);
  expect(performed.skipped).toEqual([]);
  const shown = performed.kind === 'known' ? `known ${performed.bug}` : performed.kind;
  const law = performed.kind === 'violates' ? ` ${performed.violation.law}` : '';
  expect(shown + law).toBe(printExpectation(trace.header.expect!));
});
