import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { World } from '../../src/model/world.ts';
import { allocate, freshWorld, textState } from './text-state.ts';

const kernels = fc.constantFrom('6.18', '6.1', '6.12', '7.3');
const sizes = fc.array(fc.integer({ min: 1, max: 9000 }), { minLength: 1, maxLength: 12 });

test('alloc and free of any size leave packs, chunks, areas, charge, content and rights as they were', () => {
  const worlds = new Map<string, World>();
  fc.assert(
    fc.property(kernels, sizes, fc.integer({ min: 1, max: 2_100_000 }), (kernel, others, size) => {
      const world = worlds.get(kernel) ?? freshWorld(kernel);
      worlds.set(kernel, world);
      const fresh = world.journal.position;
      for (const other of others) allocate(world, other);
      const before = textState(world);
      world.text.packs.free(allocate(world, size), size, 0);
      expect(textState(world)).toEqual(before);
      world.journal.undoTo(fresh);
    }),
    { seed: 4, numRuns: 30 },
  );
});

test('a program that is loaded and freed leaves no trace beside one that stays', () => {
  const world = freshWorld();
  const { binaries } = world.text;
  const load = (length: number) => {
    const binary = binaries.allocate({ length, align: 4, random: 7, capable: true, cpu: 0 })!;
    binaries.emit(binary, 0, new Uint8Array(length).fill(0x90));
    binaries.finalize(binary, 1);
    return binary;
  };
  load(500);
  const before = textState(world);
  fc.assert(
    fc.property(fc.nat(5000), (length) => {
      binaries.release(load(length), 1);
      expect(textState(world)).toEqual(before);
    }),
    { seed: 5, numRuns: 30 },
  );
});

test('the order of frees does not matter', () => {
  const world = freshWorld();
  const fresh = world.journal.position;
  const freed = fc.tuple(sizes, fc.infiniteStream(fc.nat()), fc.infiniteStream(fc.boolean()));
  fc.assert(
    fc.property(freed, ([asked, order, chosen]) => {
      const choices = asked.map(() => ({ rank: order.next().value as number, goes: chosen.next().value as boolean }));
      const finish = (compare: (left: number, right: number) => number) => {
        const addresses = asked.map((size) => allocate(world, size));
        const goers = asked.map((_, index) => index).filter((index) => choices[index]!.goes);
        for (const index of goers.toSorted(compare)) world.text.packs.free(addresses[index]!, asked[index]!, 0);
        const state = textState(world);
        world.journal.undoTo(fresh);
        return state;
      };
      const inOrder = finish((left, right) => left - right);
      expect(finish((left, right) => choices[left]!.rank - choices[right]!.rank)).toEqual(inOrder);
    }),
    { seed: 6, numRuns: 25 },
  );
});
