import { expect, it } from 'vitest';
import type { PokeRun } from '../../src/model/bpf/life/prog-array.ts';
import type { WholeWorld } from '../../src/model/whole-world.ts';
import { live, worldWithArena } from './programs.ts';

const CALLER = 'r2 = map[id:1]\nr3 = 2\ncall unknown#12\nr0 = 1\nexit';

/** What the caller returns on both CPUs after each phase, as the CPU and the interpreter have it. */
function resultsWhilePatching(world: WholeWorld, run: PokeRun, caller: Parameters<WholeWorld['run']>[0]) {
  const results: (bigint | undefined)[] = [];
  do {
    for (const cpu of [0, 1]) {
      const both = world.run(caller, cpu, [])!;
      expect(both.found.story).toBe(both.meant.story);
      results.push(both.found.value);
    }
  } while (world.array.advance(run, 0));
  return results;
}

it('a CPU meets the old program or the new one, and the change is seen once', () => {
  const world = worldWithArena('6.18');
  const [caller, first, second] = [CALLER, 'r0 = 2\nexit', 'r0 = 3\nexit'].map((text) => live(world, text));
  const changes = [undefined, first, second, undefined].slice(1).map((target) => {
    const results = resultsWhilePatching(world, world.array.begin(2, target), caller!);
    return results.filter((value, index) => value !== results[index - 1]);
  });
  expect(changes).toEqual([
    [1n, 2n],
    [2n, 3n],
    [3n, 1n],
  ]);
});

it('33 tail calls are made, and no more, however they branch', () => {
  const world = worldWithArena('6.18');
  const program = live(
    world,
    `r6 = r1
     r7 = *(u64 *)(r6 +0)
     r7 += 1
     *(u64 *)(r6 +0) = r7
     call pc+4
     r1 = r6
     call pc+2
     r0 = *(u64 *)(r6 +0)
     exit
     r2 = map[id:1]
     r3 = 0
     call unknown#12
     r0 = 0
     exit`,
  );
  const run = world.array.begin(0, program);
  while (world.array.advance(run, 0));
  const both = world.run(program, 1, [])!;
  expect(both.meant.value).toBe(34n);
  expect(both.found.value).toBe(34n);
  expect(both.differences).toEqual([]);
});
