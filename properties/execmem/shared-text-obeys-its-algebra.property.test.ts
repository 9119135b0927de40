import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { World } from '../../src/model/world.ts';
import { busyChunks, freeAreas, freshWorld, rightsAt, sharedState, textBytes, windowOf } from './shared-text-state.ts';

const PAGE = 4096;
const pages = fc.integer({ min: 1, max: 40 });
const few = { numRuns: 12, seed: 20260101 };

const take = ({ sharing: { execmem } }: World, count: number) => execmem.allocate('module-text', count * PAGE, 0)!;

describe.each(['6.13-rc', '6.15', '6.18', 'execmem-repaired'])('the cache of %s', (kernel) => {
  const world = freshWorld(kernel);
  take(world, 3);
  const start = world.journal.position;
  const fresh = () => {
    world.journal.undoTo(start);
    return world.sharing.cache;
  };

  test('a request in two parts leaves the same free areas as one request', () => {
    fc.assert(
      fc.property(pages, pages, (a, b) => {
        fresh().release(take(world, a + b), 0);
        const whole = freeAreas(world);
        const cache = fresh();
        const parts = [take(world, a), take(world, b)];
        for (const part of parts) cache.release(part, 0);
        expect(freeAreas(world)).toEqual(whole);
      }),
      few,
    );
  });

  test('the clean work, at any point and any number of times, changes nothing in use', () => {
    fc.assert(
      fc.property(fc.array(pages, { minLength: 1, maxLength: 6 }), fc.nat(5), (sizes, freed) => {
        const cache = fresh();
        const taken = sizes.map((size) => take(world, size));
        cache.release(taken[freed % taken.length]!, 0);
        const before = { busy: busyChunks(world), bytes: textBytes(world, windowOf(world), 3 * PAGE) };
        cache.clean();
        cache.clean();
        expect({ busy: busyChunks(world), bytes: textBytes(world, windowOf(world), 3 * PAGE) }).toEqual(before);
      }),
      few,
    );
  });
});

test.each(['6.17', '6.18', 'execmem-repaired'])(
  'on %s a free that fails anywhere ends, after the delayed work, as a free that did not',
  (kernel) => {
    const world = freshWorld(kernel);
    const { cache } = world.sharing;
    take(world, 2);
    const mine = take(world, 5);
    const start = world.journal.position;
    cache.release(mine, 0);
    const due = sharedState(world);
    let postponed = 0;
    for (let failing = 1; ; failing++) {
      world.journal.undoTo(start);
      world.failing.during(failing, () => cache.release(mine, 0));
      if (world.failing.failed === undefined) break;
      if (cache.work.pendingFrees > 0) {
        postponed++;
        expect(cache.work.retryScheduled).toBe(true);
        cache.retryPendingFrees(0);
      }
      expect(sharedState(world), `with place ${failing} failing`).toEqual(due);
      expect(textBytes(world, mine, 5 * PAGE).every((byte) => byte === 0xcc)).toBe(true);
    }
    expect(postponed).toBeGreaterThan(0);
  },
);

test.each(['6.15', '6.17', 'execmem-repaired'])(
  'on %s text made writable for a while is large again afterwards, and its direct map stays small',
  (kernel) => {
    const world = freshWorld(kernel);
    const { cache } = world.sharing;
    const start = take(world, 2);
    expect(rightsAt(world, start)).toBe('r-x 2, r-- 2');
    const range = { start, end: start + 2 * PAGE };
    const { counts } = world.directMap;
    const [large, small] = [counts[2], counts[1]];
    expect(cache.forceRw(range)).toBe(0);
    expect(rightsAt(world, start)).toBe('rw- 1, rw- 1');
    expect(rightsAt(world, start + 2 * PAGE)).toBe('r-x 1, r-- 1');
    expect([counts[2], counts[1]]).toEqual([large - 1, small + 512]);
    expect(cache.restoreRox(range)).toBe(0);
    expect(rightsAt(world, start)).toBe('r-x 2, r-- 1');
    const flushes = world.machine.flushes.global;
    expect(cache.restoreRox(range), 'a second time changes nothing').toBe(0);
    expect(world.machine.flushes.global).toBe(flushes);
  },
);
