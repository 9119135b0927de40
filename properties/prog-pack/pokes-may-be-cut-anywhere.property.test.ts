import fc from 'fast-check';
import { expect, test } from 'vitest';
import { allocate, freshWorld, textBytes, textState, usedRuns } from './text-state.ts';

const SIZE = 3 * 4096;

test('a poke in two pieces leaves the content of one poke, wherever it is cut', () => {
  const world = freshWorld();
  allocate(world, 64);
  const text = allocate(world, SIZE);
  const { memory } = world.text;
  const bytes = fc.uint8Array({ minLength: 1, maxLength: SIZE });
  fc.assert(
    fc.property(bytes, fc.nat(), fc.nat(), fc.nat(1), (code, cutAt, place, cpu) => {
      const at = text + (place % (SIZE - code.length + 1));
      const cut = cutAt % (code.length + 1);
      const start = world.journal.position;
      expect(memory.pokeCopy(at, code, cpu)).toBe(true);
      const once = textBytes(world, text, SIZE);
      world.journal.undoTo(start);
      memory.pokeCopy(at, code.subarray(0, cut), cpu);
      memory.pokeCopy(at + cut, code.subarray(cut), cpu);
      expect(Buffer.compare(textBytes(world, text, SIZE), once)).toBe(0);
      world.journal.undoTo(start);
    }),
    { seed: 7, numRuns: 100 },
  );
});

test('a free of an interior pointer gives up chunks of its owner and none of the neighbours', () => {
  const world = freshWorld();
  const { packs } = world.text;
  fc.assert(
    fc.property(fc.integer({ min: 65, max: 5000 }), fc.nat(), fc.nat(), (size, pick, length) => {
      const start = world.journal.position;
      const before = allocate(world, 64);
      const text = allocate(world, size);
      const behind = allocate(world, 64);
      world.text.memory.pokeCopy(before, new Uint8Array(64).fill(0x11), 0);
      world.text.memory.pokeCopy(behind, new Uint8Array(64).fill(0x22), 0);
      const at = 64 * (pick % Math.ceil(size / 64));
      packs.free(text + at, 1 + (length % (size - at)), 0);
      expect(textBytes(world, before, 64)).toEqual(new Uint8Array(64).fill(0x11));
      expect(textBytes(world, behind, 64)).toEqual(new Uint8Array(64).fill(0x22));
      const used = usedRuns(world);
      expect(used[0]![0]).toBe(0);
      expect(used.at(-1)![1]).toBe((behind - before) / 64);
      world.journal.undoTo(start);
    }),
    { seed: 8, numRuns: 60 },
  );
});

test('a pointer into no pack is warned of, and nothing is freed', () => {
  const world = freshWorld();
  const text = allocate(world, 500);
  const before = textState(world);
  world.text.packs.free(text - 64, 64, 0);
  world.text.packs.free(text + 2_097_152, 64, 0);
  expect(world.log.since(0)).toEqual(['WARN bpf_prog_pack bug', 'WARN bpf_prog_pack bug']);
  expect(textState(world)).toEqual(before);
});
