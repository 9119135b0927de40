import { expect, test } from 'vitest';
import { allocate, freshWorld, textBytes, usedRuns } from './text-state.ts';

const PACK = 2_097_152;

test('the calibrated sequence of requests lands where it was calculated', () => {
  const world = freshWorld();
  const { packs } = world.text;
  const free = (address: number, size: number) => packs.free(address, size, 0);

  const first = allocate(world, 576);
  expect(usedRuns(world)).toEqual([[0, 8]]);
  expect(allocate(world, 64) - first).toBe(576);
  expect(usedRuns(world)).toEqual([[0, 9]]);
  expect(allocate(world, 4096) - first).toBe(640);
  expect(usedRuns(world)).toEqual([[0, 73]]);
  free(first, 576);
  expect(usedRuns(world)).toEqual([[9, 73]]);
  expect(textBytes(world, first, 576)).toEqual(new Uint8Array(576).fill(0xcc));
  expect(allocate(world, 640) - first, 'the hole of nine chunks is too small').toBe(4736);
  expect(usedRuns(world)).toEqual([[9, 83]]);
  expect(allocate(world, 512)).toBe(first);
  expect(usedRuns(world)).toEqual([
    [0, 7],
    [9, 83],
  ]);
  expect(allocate(world, 1) - first).toBe(512);
  expect(usedRuns(world)).toEqual([[0, 83]]);

  const whole = allocate(world, PACK);
  expect(packs.packs.at(1)?.address).toBe(whole);
  expect(usedRuns(world, 1)).toEqual([[0, 32_767]]);
  const dedicated = allocate(world, PACK + 1);
  expect(packs.packs.length, 'a dedicated area is no pack').toBe(2);
  expect(world.vmalloc.areas.at(-1)?.pageCount).toBe(513);
  free(whole, PACK);
  expect(packs.packs.items.map(({ address }) => address)).toEqual([first]);
  free(dedicated, PACK + 1);
  for (const [offset, size] of [
    [576, 64],
    [640, 4096],
    [4736, 640],
    [0, 512],
  ] as const)
    free(first + offset, size);
  expect(usedRuns(world)).toEqual([[8, 8]]);
  free(first + 512, 1);
  expect(packs.packs.length).toBe(0);
  expect(world.log.since(0)).toEqual([]);
});

test('a free of 100 bytes rewrites 100 bytes and leaves the rest of its chunks alone', () => {
  const world = freshWorld();
  const { packs, memory } = world.text;
  allocate(world, 64);
  const trampoline = allocate(world, 100);
  memory.pokeCopy(trampoline, new Uint8Array(128).fill(0x90), 0);
  packs.free(trampoline, 100, 0);
  expect(textBytes(world, trampoline, 100)).toEqual(new Uint8Array(100).fill(0xcc));
  expect(textBytes(world, trampoline + 100, 28)).toEqual(new Uint8Array(28).fill(0x90));
  expect(usedRuns(world)).toEqual([[0, 0]]);
});
