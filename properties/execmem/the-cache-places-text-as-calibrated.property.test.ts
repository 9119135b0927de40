import { describe, expect, test } from 'vitest';
import { freeAreas, freshWorld, rightsAt, textBytes, windowOf } from './shared-text-state.ts';

const K = 1024;
const M = 1024 * K;

describe.each(['6.15', '6.17', '6.18', 'execmem-repaired'])('on %s', (kernel) => {
  test('requests and frees answer as calculated', () => {
    const world = freshWorld(kernel);
    const { cache, execmem } = world.sharing;
    const at = windowOf(world);
    const alloc = (size: number) => execmem.allocate('module-text', size, 0)! - at;
    const free = (offset: number) => execmem.release(at + offset, 0);
    expect(alloc(12 * K)).toBe(0);
    expect(rightsAt(world, at)).toMatch(/^r-x 2, r--/);
    expect(freeAreas(world)).toEqual([[12 * K, 2 * M]]);
    expect(alloc(100), 'rounded to a page').toBe(12 * K);
    expect(freeAreas(world)).toEqual([[16 * K, 2 * M]]);
    free(0);
    expect(textBytes(world, at, 12 * K)).toEqual(new Uint8Array(12 * K).fill(0xcc));
    expect(rightsAt(world, at)).toMatch(/^r-x 2, r--/);
    expect(alloc(16 * K), 'the first area is too small').toBe(16 * K);
    expect(freeAreas(world)).toEqual([
      [0, 12 * K],
      [32 * K, 2 * M],
    ]);
    free(12 * K);
    expect(freeAreas(world)[0]).toEqual([0, 16 * K]);
    free(16 * K);
    expect(freeAreas(world)).toEqual([[0, 2 * M]]);
    expect(cache.work.cleanScheduled).toBe(true);
    cache.clean();
    expect(freeAreas(world)).toEqual([]);
    expect(world.vmalloc.areas).toEqual([]);
    const large = alloc(3 * M);
    expect(freeAreas(world)).toEqual([[large + 3 * M, large + 4 * M]]);
    expect(world.log.since(0)).toEqual([]);
  });
});

test.each([
  { kernel: '6.15', left: 0 },
  { kernel: '6.18', left: 0 },
  { kernel: 'execmem-repaired', left: 1 },
])('the clean work of $kernel leaves $left area(s) of a block whose other half is in use', ({ kernel, left }) => {
  const world = freshWorld(kernel);
  const { cache } = world.sharing;
  const block = cache.populateFor(4 * M, 0)!;
  const first = block.address ?? cache.take(4 * M)!;
  cache.release(first, 0);
  const half = cache.take(2 * M)!;
  expect(cache.take(2 * M)! - half).toBe(2 * M);
  cache.release(half, 0);
  cache.clean();
  expect(world.vmalloc.areas).toHaveLength(left);
});

test('in 6.13-rc a block leaves the direct map and comes back as one large entry', () => {
  const world = freshWorld('6.13-rc');
  const { execmem, cache } = world.sharing;
  const small = world.directMap.counts[1];
  const text = execmem.allocate('module-text', 4 * K, 0)!;
  expect(rightsAt(world, text)).toBe('r-x 2, absent');
  execmem.release(text, 0);
  cache.clean();
  expect(world.directMap.counts[1], 'no small entry was made').toBe(small);
});
