import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Session } from '../../src/engine/session.ts';
import { valueText } from '../../src/engine/step-text.ts';
import { bootArenaWorld } from '../../src/lab/boot-arena-world.ts';
import { arenaSuites } from '../../src/lab/suites/arena.ts';
import { Refusal } from '../../src/language/operation.ts';
import { parseTrace } from '../../src/language/trace-text/parse.ts';
import { ArenaWorld } from '../../src/model/arena-world.ts';
import { latentBehaviours } from '../../src/model/bpf/arena-latent.ts';
import type { ArenaMapping } from '../../src/model/bpf/arena-user-side.ts';

const FOLDER = join(import.meta.dirname, '../../corpus/arena');

/** What the last step of a saved trace shows, with a behaviour or without it. */
function lastAnswer(file: string, machine: Readonly<Record<string, string>>): string {
  const { header, steps } = parseTrace(readFileSync(join(FOLDER, file), 'utf8'), arenaSuites);
  const suite = arenaSuites.find(({ name }) => name === header.suite)!;
  const session = new Session(suite, { kernel: header.kernel!, machine, judging: false });
  let outcome = '';
  for (const step of steps) outcome = session.perform(step);
  const { returned } = session.happened;
  return returned instanceof Refusal ? String(returned.answer) : `${outcome} ${valueText(returned)}`;
}

/** The answer of the last step as kernels are, and without the behaviour. */
const answers: readonly (readonly [string, string, string])[] = [
  ['L1', 'ok 1', '-EFAULT'],
  ['L2', 'ok 0x490000002000', '-EINVAL'],
  ['L3', 'ok {value: 0x0, report: READ, at: 0x480000002000}', 'ok {value: 0x7}'],
  ['L4', 'ok 0x490100000000', '-EINVAL'],
  ['L5', '-EBUSY', 'ok 0'],
  ['L6', 'ok {value: 0x5, report: WRITE, at: 0x480000000005}', 'ok {value: 0x0, report: READ, at: 0x480000003000}'],
  ['L7', 'ok 0x0', 'ok 0x480100000000'],
  ['L8', 'ok 0', '-EINVAL'],
  ['L9', 'ok true', 'ok false'],
];

test.each(answers)('%s is as kernels have it, unless it is left out', (name, found, otherwise) => {
  const file = readdirSync(FOLDER).find((path) => path.startsWith(`latent-${name.toLowerCase()}-`))!;
  expect(lastAnswer(file, {})).toBe(found);
  expect(lastAnswer(file, { without: name })).toBe(otherwise);
});

test('L10: an arena that is destroyed while a record is left leaks, unless that is left out', () => {
  for (const without of [undefined, 'L10']) {
    const world = bootArenaWorld('6.18', without === undefined ? {} : { without });
    const mapping = world.arenas.create({
      flags: 0x400,
      maxEntries: 4,
      mapExtra: 0x4800_0000_2000n,
      keySize: 0,
      valueSize: 0,
    }) as ArenaMapping;
    const request = { address: 0n, count: 1, node: -1, flags: 0n, sleepable: true };
    world.arenas.allocator.allocate(mapping.arena, request);
    const frame = mapping.arena.window.frameAt(2)!;
    mapping.arena.records.push({ area: undefined as never, sharers: 1 });
    expect(world.arenas.destroy(mapping)).toBe(without !== undefined);
    expect(world.references.count(frame)).toBe(without === undefined ? 1 : 0);
  }
});

test('every behaviour has a test, and unknown ones are refused', () => {
  expect([...answers.map(([name]) => name), 'L10']).toEqual(Object.keys(latentBehaviours));
  expect(() => bootArenaWorld('6.18', { without: 'L11' })).toThrow('L1, L2');
  expect(bootArenaWorld('6.18', { without: 'L1+L8' })).toBeInstanceOf(ArenaWorld);
});
