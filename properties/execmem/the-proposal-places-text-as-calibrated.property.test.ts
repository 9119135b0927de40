import { expect, test } from 'vitest';
import type { World } from '../../src/model/world.ts';
import { freeAreas, freshWorld, textBytes, windowOf } from './shared-text-state.ts';

const M2 = 2_097_152;

function calibrated() {
  const world = freshWorld('execmem-proposal');
  const { proposal } = world.sharing;
  const at = windowOf(world);
  const alloc = (size: number, align: number) => proposal.allocate(size, align, 0)! - at;
  const fill = (offset: number, length: number) => {
    const answer = proposal.fill(at + offset, new Uint8Array(length).fill(0x90), 0);
    return typeof answer === 'number' ? answer - at : answer;
  };
  return { world, proposal, at, alloc, fill };
}

/** Steps 1 to 8: chunks at 0, 128, 100 and 4096, the last one in two blocks. */
function prepared(): { readonly world: World; readonly free: (offset: number) => void } {
  const { world, proposal, at, alloc } = calibrated();
  for (const [size, align] of [
    [100, 64],
    [64, 64],
    [28, 4],
    [M2, 4096],
  ] as const)
    alloc(size, align);
  return { world, free: (offset) => proposal.release(at + offset, 0) };
}

test('requests, fills and frees answer as calculated', () => {
  const { world, proposal, at, alloc, fill } = calibrated();
  expect(alloc(100, 64)).toBe(0);
  expect(freeAreas(world)).toEqual([[100, M2]]);
  expect(textBytes(world, at + 200, 100), 'fresh memory is zeroed').toEqual(new Uint8Array(100));
  expect(alloc(64, 64)).toBe(128);
  expect(freeAreas(world)).toEqual([
    [100, 128],
    [192, M2],
  ]);
  expect(alloc(28, 4)).toBe(100);
  expect(freeAreas(world)).toEqual([[192, M2]]);

  expect(fill(100, 28), 'up to the very end').toBe(100);
  expect(fill(100, 29), 'one past the end').toBe('-EINVAL');
  expect(fill(120, 8), 'an interior pointer').toBe(120);
  expect(fill(192, 1), 'free text').toBe('-EINVAL');
  expect(fill(100, 0), 'nothing at all').toBe(100);
  expect(textBytes(world, at + 128, 64), 'the neighbour is untouched').toEqual(new Uint8Array(64));
  expect(freeAreas(world)).toEqual([[192, M2]]);

  expect(alloc(M2, 4096), 'in both blocks').toBe(4096);
  expect(freeAreas(world)).toEqual([
    [192, 4096],
    [M2 + 4096, 2 * M2],
  ]);
  proposal.release(at, 0);
  expect(textBytes(world, at, 100)).toEqual(new Uint8Array(100).fill(0xcc));
  expect(freeAreas(world)[0]).toEqual([0, 100]);
});

test('when the chunk in two blocks goes last, the newer block goes with it and the older one stays', () => {
  const { world, free } = prepared();
  for (const offset of [0, 128, 100]) free(offset);
  expect(world.sharing.proposal.blocks.length).toBe(2);
  free(4096);
  expect(freeAreas(world)).toEqual([[0, M2]]);
  expect(world.sharing.proposal.blocks.length).toBe(1);
});

test('when it goes first, each free gives a block back, and none is left', () => {
  const { world, free } = prepared();
  free(4096);
  expect(world.sharing.proposal.blocks.length).toBe(1);
  for (const offset of [0, 128, 100]) free(offset);
  expect(freeAreas(world)).toEqual([]);
  expect(world.sharing.proposal.blocks.length).toBe(0);
  expect(world.vmalloc.areas).toEqual([]);
});

test.each([0, -64, 2 ** 31, 2 ** 64 - 8])('a request for %d bytes is refused and changes nothing', (size) => {
  const { world, proposal } = calibrated();
  expect(proposal.allocate(size, 64, 0)).toBeUndefined();
  expect(freeAreas(world)).toEqual([]);
  expect(world.vmalloc.areas).toEqual([]);
});

test.each([0, -64, 3, 96])('an alignment of %d is refused and changes nothing', (align) => {
  const { world, proposal } = calibrated();
  expect(proposal.allocate(64, align, 0)).toBeUndefined();
  expect(world.vmalloc.areas).toEqual([]);
});

test("frees of nobody's text are warned of and change nothing", () => {
  const { world, proposal, at, alloc } = calibrated();
  alloc(64, 64);
  const before = freeAreas(world);
  for (const address of [at + 64, at - 1, at + M2]) proposal.release(address, 0);
  expect(freeAreas(world)).toEqual(before);
  expect(world.log.since(0)).toHaveLength(3);
});

test("the tail of the kernel's text serves first, keeps what the linker left, and is never given back", () => {
  const world = freshWorld('execmem-proposal-tail');
  const { proposal, tail } = world.sharing;
  const { start, end } = proposal.tail!;
  const left = textBytes(world, start, 64);
  expect(proposal.allocate(64, 64, 0)).toBe(start);
  expect(textBytes(world, start, 64)).toEqual(left);
  expect(world.vmalloc.areas).toEqual([]);
  expect(proposal.fill(start, new Uint8Array(64).fill(0x90), 0)).toBe(start);
  expect(textBytes(world, start, 64)).toEqual(new Uint8Array(64).fill(0x90));
  proposal.release(start, 0);
  expect([...proposal.free]).toEqual([{ start, end }]);
  tail.register();
  expect(world.log.since(0), 'one tail only').toHaveLength(1);
});
