import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { coreRecordSuite, coreRelocationSuite } from '../../src/lab/suites/core-relocation.ts';
import type { Step } from '../../src/language/trace.ts';
import { parseTrace } from '../../src/language/trace-text/parse.ts';

const FOLDER = fileURLToPath(new URL('../../corpus/core-relocation/', import.meta.url));
const suites = [coreRelocationSuite, coreRecordSuite];
const bad = readdirSync(FOLDER).filter((name) => name.startsWith('bad-'));

const TYPES = /_type$|_enum$|^type_/;
const RECORDS = ['access', 'enumerator', 'malformed_record'];

/** Instructions that the compiler makes of a step. */
function instructionsOf({ operation, args }: Step): number {
  switch (operation.name) {
    case 'main_program':
      return 1 + (args.plain as number);
    case 'subprogram':
      return 1 + Number(args.called);
    case 'eliminated_copy':
    case 'call':
    case 'malformed_record':
      return 1;
    case 'access':
    case 'enumerator':
      return args.form === 'ld_imm64' ? 2 : 1;
    default:
      return 0;
  }
}

test('every planted fault of the suites has a trace', () => {
  const faults = suites.flatMap(({ faults: own = [] }) => own.map(({ name }) => `bad-${name}.trace`));
  expect(bad.toSorted()).toEqual(faults.toSorted());
});

test('each of the 24 historical bugs of CO-RE is planted', () => {
  const sources = suites.flatMap(({ faults: own = [] }) => own.map(({ source = '' }) => source));
  const planted = sources.flatMap((source) => /^F(\d+)[:,]/.exec(source)?.[1] ?? []).map(Number);
  expect(planted.toSorted((left, right) => left - right)).toEqual(Array.from({ length: 24 }, (_, index) => index + 1));
});

test.each(bad)('%s has at most 3 types, 4 records and 8 instructions', (name) => {
  const { steps } = parseTrace(readFileSync(FOLDER + name, 'utf8'), suites);
  const names = steps.map(({ operation }) => operation.name);
  expect(names.filter((step) => TYPES.test(step)).length).toBeLessThanOrEqual(3);
  expect(names.filter((step) => RECORDS.includes(step)).length).toBeLessThanOrEqual(4);
  expect(steps.reduce((sum, step) => sum + instructionsOf(step), 0)).toBeLessThanOrEqual(8);
});
