import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { traceArbitrary } from '../../src/engine/arbitrary.ts';
import { performTrace } from '../../src/engine/perform.ts';
import { allSuites } from '../../src/lab/suites/all.ts';
import { parseTrace } from '../../src/language/trace-text/parse.ts';
import { printTrace } from '../../src/language/trace-text/print.ts';
import { vocabulary } from './vocabulary.ts';

describe.each(allSuites)('$name', (suite) => {
  test('a generated trace reads back as it was, from any kernel', () => {
    for (const kernel of suite.kernels) {
      const property = fc.property(traceArbitrary(suite, { kernel, steps: 40 }), (trace) => {
        const read = parseTrace(printTrace(trace), allSuites);
        expect(read.steps).toEqual(trace.steps);
        expect(read.header).toEqual(trace.header);
      });
      fc.assert(property, { numRuns: kernel === suite.kernels[0] ? 4 : 1, seed: 7 });
    }
  });

  test('what is read performs as what was written', () => {
    const [trace] = fc.sample(traceArbitrary(suite, { steps: 60 }), { numRuns: 1, seed: 11 });
    const read = parseTrace(printTrace(trace!), allSuites);
    expect(performTrace(suite, read)).toEqual(performTrace(suite, trace!));
  });
});

test('a suite that is not known is named', () => {
  expect(() => parseTrace('suite: none\n', [vocabulary])).toThrow('there is no suite "none"; known are text');
});
