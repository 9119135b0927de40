import { describe, expect, test } from 'vitest';
import { execmemWithoutMmu } from '../../src/model/kernel/execmem-nommu.ts';
import { fill, freshWorld, type Kernel, sharedState, windowOf } from './malformed-requests.ts';

const M2 = 2_097_152;
/** What a size or a pointer may go wrong into: nothing, an int that turned negative, an errno read as a size. */
const SIZES = [0, -64, 2 ** 31, 2 ** 64 - 8];

const KERNELS: readonly Kernel[] = ['execmem-proposal', 'vmalloc-text', '6.15', '6.18', 'execmem-repaired'];

describe.each(KERNELS)('on %s', (kernel) => {
  test.each(SIZES)('a request for %d bytes is NULL', (size) => {
    const { world, allocate } = freshWorld(kernel);
    const before = sharedState(world);
    expect(allocate(size)).toBeUndefined();
    expect(sharedState(world)).toEqual(before);
  });

  test('an address behind all text and one before it are nobody’s', () => {
    const { world, allocate, free } = freshWorld(kernel);
    const address = allocate(4096)!;
    const before = sharedState(world);
    for (const wrong of [address + 64 * M2, address - 4096]) free(wrong);
    expect(sharedState(world)).toEqual(before);
    expect(world.log.since(0), 'each is warned of').toHaveLength(2);
  });
});

describe.each(['execmem-proposal', 'vmalloc-text'] as const)('on %s', (kernel) => {
  test('an address in a hole, one past the end and what was freed are nobody’s', () => {
    const { world, allocate, free } = freshWorld(kernel);
    const address = allocate(4096)!;
    const freed = allocate(4096)!;
    free(freed);
    const before = sharedState(world);
    for (const wrong of [freed, address + 4096, address + 3 * 4096]) free(wrong);
    expect(sharedState(world)).toEqual(before);
    expect(world.log.since(0), 'each is warned of').toHaveLength(3);
  });

  test.each([0, -64, 3, 96])('an alignment of %d is NULL', (align) => {
    const { world, allocate } = freshWorld(kernel);
    const before = sharedState(world);
    expect(allocate(64, align)).toBeUndefined();
    expect(sharedState(world)).toEqual(before);
  });

  test('a fill of nothing is done, even at the last byte', () => {
    const { world, allocate } = freshWorld(kernel);
    const address = allocate(64)!;
    expect(fill(world, address + 63, 0)).toBe('done');
    expect(fill(world, address + 64, 0), 'the end itself is in no chunk').toBe('-EINVAL');
  });

  test.each([
    { name: 'one byte too many', at: 0, length: 65 },
    { name: 'a place in a hole', at: 4096, length: 1 },
    { name: 'a place before all text', at: -4096, length: 1 },
    { name: 'a place behind all text', at: 64 * M2, length: 1 },
  ])('a fill of $name is -EINVAL and writes nothing', ({ at, length }) => {
    const { world, allocate, bytes } = freshWorld(kernel);
    const address = allocate(64)!;
    const before = bytes(address, 4096);
    expect(fill(world, address + at, length)).toBe('-EINVAL');
    expect(bytes(address, 4096)).toEqual(before);
  });
});

/*
 * execmem_free() asks the cache and then calls vfree(), whose lookup is by containment too: a second free of a piece of the cache
 * takes the block away under everybody else in it. Derived; nobody has reported it, since callers free once.
 */
test.each(['6.15', '6.18', 'execmem-repaired'] as const)(
  'on %s a second free of cached text falls through to vfree()',
  (kernel) => {
    const { world, allocate, free } = freshWorld(kernel);
    const neighbour = allocate(4096)!;
    const address = allocate(4096)!;
    free(address);
    free(address);
    expect(world.vmalloc.areas).toEqual([]);
    expect(world.sharing.cache.busy.at(neighbour), 'the cache does not know').toBeDefined();
  },
);

/*
 * Nobody has 2^64 bytes to copy from, so a length that wraps reaches the first half of a fill only: the check. The kernel's own sum
 * would wrap around and pass (derived); the facts name no caller, and here it is refused.
 */
test('a fill that wraps the address space is refused by its check', () => {
  const { world, allocate } = freshWorld('execmem-proposal');
  const { proposal } = world.sharing;
  const address = allocate(64)!;
  for (const length of [2 ** 64 - 8, 2 ** 64, -1]) expect(proposal.lookUp(address, length)).toBe('-EINVAL');
  expect(world.sharing.vmallocText.holds({ start: address, end: address + 64 }, address, 2 ** 64 - 8)).toBe(false);
});

test('a free of NULL does nothing and says nothing', () => {
  const { world } = freshWorld('vmalloc-text');
  world.sharing.vmallocText.release(undefined, 0);
  expect(world.log.since(0)).toEqual([]);
});

test('the proposal and the one allocator take interior pointers differently: one frees, one refuses', () => {
  const proposal = freshWorld('execmem-proposal');
  proposal.free(proposal.allocate(256)! + 64);
  expect([...proposal.world.sharing.proposal.busy]).toEqual([]);
  const unified = freshWorld('vmalloc-text');
  unified.free(unified.allocate(256)! + 64);
  expect([...unified.world.sharing.vmallocText.busy]).toHaveLength(1);
  expect(windowOf(unified.world)).toBe(windowOf(proposal.world));
});

test('without an MMU each function has its own way to say no', () => {
  expect(execmemWithoutMmu.allocate()).toBeUndefined();
  expect(execmemWithoutMmu.fill()).toBe('-EOPNOTSUPP');
  expect(execmemWithoutMmu.release()).toBeUndefined();
});
