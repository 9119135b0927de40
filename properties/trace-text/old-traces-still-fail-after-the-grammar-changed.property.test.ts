import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { performTrace } from '../../src/engine/perform.ts';
import { integer } from '../../src/language/argument.ts';
import type { AnyOperation } from '../../src/language/operation.ts';
import { parseTrace } from '../../src/language/trace-text/parse.ts';
import { printTrace } from '../../src/language/trace-text/print.ts';
import { toyOperations } from '../engine/toy/operations.ts';
import { toySuite } from '../engine/toy/suite.ts';
import type { ToyWorld } from '../engine/toy/world.ts';

/** Failing traces of the toy as release 0.1.0 wrote them: never written again, whatever becomes of the toy or the printer. */
const folder = fileURLToPath(new URL('./old-traces/', import.meta.url));
const files = readdirSync(folder).sort();

const { alloc, write, seal, unseal, free } = toyOperations;

const peek: AnyOperation = {
  name: 'peek',
  does: 'Looks at how many chunks are taken.',
  takes: {},
  apply: (world: ToyWorld) => world.usedChunks,
};

/** What happens to operations from release to release. */
const changes: Readonly<Record<string, readonly AnyOperation[]>> = {
  'nothing changed': [alloc, write, seal, unseal, free],
  'an operation was added': [alloc, peek, write, seal, unseal, free],
  'the operations were reordered': [free, seal, write, unseal, alloc],
  'operations were renamed': [
    { ...alloc, name: 'chunk_alloc', aliases: ['alloc'] },
    write,
    { ...seal, name: 'set_memory_rox', aliases: ['make_rox', 'seal'] },
    { ...unseal, name: 'set_memory_rw', aliases: ['unseal'] },
    { ...free, name: 'chunk_free', aliases: ['free'] },
  ],
  'ranges were widened': [
    { ...alloc, takes: { length: integer({ min: 1, max: 9 }), tag: integer({ min: -1, max: 2 ** 40 }) } },
    { ...write, takes: { ...write.takes, value: integer({ min: -128, max: 65535 }) } },
    seal,
    unseal,
    free,
  ],
  'arguments were added': [
    { ...alloc, takes: { ...alloc.takes, node: integer({ min: 0, max: 3, default: 0 }) } },
    write,
    seal,
    unseal,
    { ...free, takes: { delay: integer({ min: 0, max: 9, default: 0 }), ...free.takes } },
  ],
  'all of it at once': [
    { ...free, name: 'chunk_free', aliases: ['free'] },
    peek,
    { ...write, takes: { ...write.takes, value: integer({ min: -128, max: 65535 }) } },
    unseal,
    seal,
    { ...alloc, aliases: ['take'], takes: { ...alloc.takes, node: integer({ min: 0, max: 3, default: 0 }) } },
  ],
};

test('there are forty old traces', () => expect(files).toHaveLength(40));

test.each(Object.entries(changes))('%s: every old trace still fails as it did', (_change, operations) => {
  const suite = toySuite({ operations });
  const failing = files.filter((file) => {
    const trace = parseTrace(readFileSync(folder + file, 'utf8'), [suite]);
    const performed = performTrace(suite, trace);
    const expected = trace.header.expect;
    expect(expected?.kind).toBe('violates');
    if (performed.kind !== 'violates' || expected?.kind !== 'violates') return false;
    const isWhole = performed.skipped.length === 0 && performed.violation.step === trace.steps.length - 1;
    return isWhole && performed.violation.law === expected.law;
  });
  expect(failing).toEqual(files);
});

test('what is printed today reads as the old text reads', () => {
  const suite = toySuite();
  for (const file of files) {
    const old = readFileSync(folder + file, 'utf8');
    expect(printTrace(parseTrace(old, [suite]))).toBe(old);
  }
});
