import { describe, expect, test } from 'vitest';
import type { World } from '../../src/model/world.ts';
import { freshWorld, textState } from './text-state.ts';

interface Attempt {
  readonly name: string;
  readonly kernel: string;
  /** What stands before: the pack may have to be made, or be there. */
  readonly prepare: (world: World) => void;
  /** True when the kernel refused. */
  readonly perform: (world: World) => boolean;
}

const program = { length: 500, align: 4, random: 0, capable: true, cpu: 0 };
const large = { ...program, length: 2_097_129 };
const load = ({ text }: World) => text.binaries.allocate(program);

const attempts: readonly Attempt[] = ['6.18', '6.12', '7.3'].flatMap((kernel) => [
  { name: 'a program in a new pack', kernel, prepare: () => {}, perform: (world) => load(world) === undefined },
  { name: 'a program in a known pack', kernel, prepare: load, perform: (world) => load(world) === undefined },
  {
    name: 'a program with an area of its own',
    kernel,
    prepare: load,
    perform: ({ text }) => text.binaries.allocate(large) === undefined,
  },
  {
    name: 'a trampoline in a new pack',
    kernel,
    prepare: () => {},
    perform: ({ text }) => typeof text.trampolines.allocate(100, { capable: true, cpu: 0 }) === 'string',
  },
]);

describe.each(attempts)('$name on $kernel', ({ kernel, prepare, perform }) => {
  test('fails or succeeds wholly, whichever allocation fails', () => {
    const world = freshWorld(kernel);
    prepare(world);
    const before = textState(world);
    const start = world.journal.position;
    let refused = 0;
    for (let failing = 1; ; failing++) {
      const answer = world.failing.during(failing, () => perform(world));
      const reached = world.failing.failed !== undefined;
      if (answer) {
        refused++;
        expect(textState(world), `with allocation ${failing} failing`).toEqual(before);
      }
      world.journal.undoTo(start);
      if (!reached) break;
    }
    expect(refused).toBeGreaterThan(0);
    expect(world.log.since(0)).toEqual([]);
  });
});
