import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { performTrace } from '../../src/engine/perform.ts';
import { allSuites } from '../../src/lab/suites/all.ts';
import { printExpectation } from '../../src/language/trace-text/header.ts';
import { parseTrace } from '../../src/language/trace-text/parse.ts';

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
