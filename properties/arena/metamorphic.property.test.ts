import fc from 'fast-check';
import { expect, test } from 'vitest';
import { unmapMemory } from '../../src/model/kernel/user-memory/change-mapping.ts';
import { readUserMemory } from '../../src/model/kernel/user-memory/user-access.ts';
import { BASE, kernels, options, past, Scene, SLOTS, span } from './requests.ts';

test.each(kernels)('M2 on %s: unmapping and mapping again changes neither content nor slots', (kernel) => {
  fc.assert(
    fc.property(past, fc.nat(SLOTS - 1), (requests, slot) => {
      const scene = new Scene(kernel, requests);
      const before = readUserMemory(scene.user, scene.at(slot), 64);
      const { shape } = scene;
      expect(unmapMemory(scene.user, scene.at(0), BigInt(SLOTS) * 4096n)).toBeUndefined();
      scene.map();
      expect(scene.shape).toBe(shape);
      expect(readUserMemory(scene.user, scene.at(slot), 64)).toEqual(before);
    }),
    options,
  );
});

test.each(kernels)('M3 on %s: an allocation and the free of all of it change no slot', (kernel) => {
  fc.assert(
    fc.property(past, fc.integer({ min: 1, max: 6 }), (requests, count) => {
      const scene = new Scene(kernel, requests);
      const { shape } = scene;
      const address = scene.alloc(0n, count);
      if (address === 0n) return;
      scene.free(address, count);
      expect(scene.shape).toBe(shape);
    }),
    options,
  );
});

test.each(kernels)('M4 and M5 on %s: one free equals frees page by page in any order, once or twice', (kernel) => {
  fc.assert(
    fc.property(past, span, fc.infiniteStream(fc.nat()), (requests, [slot, count], keys) => {
      const scene = new Scene(kernel, requests);
      scene.free(scene.at(slot), count);
      const { shape } = scene;
      scene.free(scene.at(slot), count);
      expect(scene.shape).toBe(shape);
      const pages = Array.from({ length: count }, (_, page) => ({ page, key: keys.next().value as number }));
      const other = new Scene(kernel, requests);
      for (const { page } of pages.toSorted((left, right) => left.key - right.key))
        other.free(other.at(slot + page), 1);
      expect(other.shape).toBe(shape);
    }),
    options,
  );
});

test('M6: a reservation and the free of it change no slot', () => {
  fc.assert(
    fc.property(past, span, (requests, [slot, count]) => {
      const scene = new Scene('6.18', requests);
      const { shape } = scene;
      if (scene.world.arenas.allocator.reserve(scene.arena, scene.at(slot), count) !== 0) return;
      scene.free(scene.at(slot), count);
      expect(scene.shape).toBe(shape);
    }),
    options,
  );
});

test('M7: a touch of a free slot equals an allocation of it', () => {
  fc.assert(
    fc.property(past, fc.nat(SLOTS - 1), (requests, slot) => {
      const touched = new Scene('6.18', requests);
      if (!touched.arena.free.isFree(slot)) return;
      touched.perform({ kind: 'touch', slot, count: 1 });
      const allocated = new Scene('6.18', requests);
      allocated.perform({ kind: 'alloc', slot, count: 1 });
      expect(touched.shape).toBe(allocated.shape);
    }),
    options,
  );
});

test('M8: the upper half of an address decides nothing', () => {
  fc.assert(
    fc.property(past, span, fc.integer({ min: 1, max: 0xffff }), (requests, [slot, count], high) => {
      const [plain, garbled] = [new Scene('6.18', requests), new Scene('6.18', requests)];
      const garbage = (BigInt(high) << 32n) | BigInt.asUintN(32, garbled.at(slot));
      expect(garbled.alloc(garbage, count)).toBe(plain.alloc(plain.at(slot), count));
      garbled.free(garbage, 1);
      plain.free(plain.at(slot), 1);
      expect(garbled.shape).toBe(plain.shape);
    }),
    options,
  );
});

test('M10: a base that is moved by multiples of 4 GiB, or within them, changes no slot', () => {
  fc.assert(
    fc.property(past, (requests) => {
      const shapes = [BASE, BASE + (5n << 32n), 0x4800_2620_0000n].map(
        (base) => new Scene('6.18', requests, base).shape,
      );
      expect(new Set(shapes).size).toBe(1);
    }),
    options,
  );
});

test.each(kernels)('M12 on %s: single allocations return every page exactly once, then NULL', (kernel) => {
  const scene = new Scene(kernel, []);
  const taken = Array.from({ length: SLOTS }, () => scene.alloc(0n, 1));
  expect(new Set(taken).size).toBe(SLOTS);
  expect(scene.alloc(0n, 1)).toBe(0n);
});

test('M13: a queued free equals an immediate one once the worker has run', () => {
  fc.assert(
    fc.property(past, span, (requests, [slot, count]) => {
      const [now, later] = [new Scene('7.0', requests), new Scene('7.0', requests)];
      now.free(now.at(slot), count);
      const { shape } = later;
      later.free(later.at(slot), count, false);
      expect(later.shape).toBe(shape);
      later.world.arenas.frees.drain(later.arena);
      expect(later.shape).toBe(now.shape);
    }),
    { numRuns: 20, seed: 5 },
  );
});
