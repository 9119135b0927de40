import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { performTrace } from '../../src/engine/perform.ts';
import { allSuites } from '../../src/lab/suites/all.ts';
import type { Trace } from '../../src/language/trace.ts';
import { printExpectation } from '../../src/language/trace-text/header.ts';
import { parseTrace } from '../../src/language/trace-text/parse.ts';
import { printTrace } from '../../src/language/trace-text/print.ts';

const corpus = fileURLToPath(new URL('../../corpus/', import.meta.url));
const paths = readdirSync(corpus, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.trace'))
  .sort();

const read = (path: string): Trace => parseTrace(readFileSync(corpus + path, 'utf8'), allSuites);

/**
 * What performing a trace showed, in the words of an `expect:` line. Every step has to be possible; only a good twin may lack
 * what the kernel, without the fault, refused to make.
 */
function shown(path: string, trace: Trace): string {
  const suite = allSuites.find(({ name }) => name === trace.header.suite)!;
  const performed = performTrace(suite, trace);
  if (path.includes('good-')) expect(performed.skipped.length).toBeLessThan(trace.steps.length);
  else expect(performed.skipped).toEqual([]);
  if (performed.kind === 'violates') return `violates ${performed.violation.law}`;
  return performed.kind === 'known' ? `known ${performed.bug}` : 'holds';
}

test('there is a corpus', () => expect(paths.length).toBeGreaterThan(20));

test.each(paths)('%s does what its head expects', (path) => {
  const trace = read(path);
  expect(shown(path, trace)).toBe(printExpectation(trace.header.expect!));
});

describe('every planted bug has its good twin: the same steps without the fault', () => {
  const bad = paths.filter((path) => /(^|\/)bad-[^/]*$/.test(path));

  test.each(bad)('%s', (path) => {
    const twinPath = path.replace(/bad-([^/]*)$/, 'good-$1');
    expect(paths).toContain(twinPath);
    const [broken, twin] = [read(path), read(twinPath)];
    expect(broken.header.fault).toBeDefined();
    expect(twin.header.fault).toBeUndefined();
    expect(twin.header.kernel).toBe(broken.header.kernel);
    expect(printTrace({ header: {}, steps: twin.steps })).toBe(printTrace({ header: {}, steps: broken.steps }));
  });
});

test('every planted bug has a trace of at most 8 steps that shows one of its laws broken', () => {
  const traces = paths.map(read).filter(({ header, steps }) => header.fault !== undefined && steps.length <= 8);
  for (const { name, breaks, alsoBreaks = [] } of new Set(allSuites.flatMap(({ faults }) => faults ?? []))) {
    const laws = traces.flatMap(({ header }) =>
      header.fault === name && header.expect?.kind === 'violates' ? [header.expect.law] : [],
    );
    expect(laws, name).not.toEqual([]);
    for (const law of laws) expect([breaks, ...alsoBreaks], name).toContain(law);
  }
});
