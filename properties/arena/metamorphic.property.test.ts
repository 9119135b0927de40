import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bootArenaWorld } from '../../src/lab/boot-arena-world.ts';
import { NO_NODE } from '../../src/model/bpf/arena-allocator.ts';
import { BPF_F_MMAPABLE } from '../../src/model/bpf/arena-attributes.ts';
import type { ArenaMapping } from '../../src/model/bpf/arena-user-side.ts';
import { unmapMemory } from '../../src/model/kernel/user-memory/change-mapping.ts';
import { MAP_FIXED, mapMemory } from '../../src/model/kernel/user-memory/map-memory.ts';
import { readUserMemory, userPage } from '../../src/model/kernel/user-memory/user-access.ts';

const SLOTS = 24;
const BASE = 0x4800_0000_2000n;

/** One arena of 24 slots with a process that maps it, in a state that a list of requests has led to. */
class Scene {
  readonly world;
  readonly mapping: ArenaMapping;
  readonly user;

  constructor(kernel: string, requests: readonly Request[], base = BASE) {
    this.world = bootArenaWorld(kernel, { memory: '256' });
    const shape = { flags: BPF_F_MMAPABLE, maxEntries: SLOTS, mapExtra: base, keySize: 0, valueSize: 0 };
    this.mapping = this.world.arenas.create(shape) as ArenaMapping;
    this.user = this.world.newProcess();
    this.map();
    for (const request of requests) this.perform(request);
  }

  perform({ kind, slot, count }: Request): unknown {
    if (kind === 'alloc') return this.alloc(this.at(slot), Math.min(count, SLOTS - slot));
    if (kind === 'anywhere') return this.alloc(0n, count);
    if (kind === 'reserve') return this.world.arenas.allocator.reserve(this.arena, this.at(slot), count);
    if (kind === 'touch') return userPage(this.user, Number(this.at(slot) >> 12n), true);
    return this.free(this.at(slot), count);
  }

  get arena() {
    return this.mapping.arena;
  }

  at(slot: number): bigint {
    return this.arena.userStart + BigInt(slot) * 4096n;
  }

  alloc(address: bigint, count: number): bigint {
    const request = { address, count, node: NO_NODE, flags: 0n, sleepable: true };
    return this.world.arenas.allocator.allocate(this.arena, request) as bigint;
  }

  free(address: bigint, count: number, sleepable = true): void {
    this.world.arenas.frees.free(this.arena, address, count, sleepable);
  }

  map(): void {
    const request = {
      address: this.at(0),
      length: BigInt(SLOTS) * 4096n,
      protection: 3,
      flags: 1 | MAP_FIXED,
      offset: 0n,
    };
    expect(typeof mapMemory(this.user, this.mapping, request)).toBe('bigint');
  }

  /** Free slots and populated slots: what later requests can tell apart, up to the order of equal runs. */
  get shape(): string {
    const free = [...this.arena.free.runs()].map(({ first, last }) => `${first}-${last}`).join(' ');
    const pages: number[] = [];
    const start = this.arena.start32 >>> 12;
    this.arena.window.eachPresent(start, start + SLOTS, (index) => pages.push(index - start));
    return `free ${free} pages ${pages.join(' ')}`;
  }
}

interface Request {
  readonly kind: 'alloc' | 'anywhere' | 'reserve' | 'touch' | 'free';
  readonly slot: number;
  readonly count: number;
}

const request = fc.record({
  kind: fc.constantFrom('alloc', 'anywhere', 'reserve', 'touch', 'free'),
  slot: fc.nat(SLOTS - 1),
  count: fc.integer({ min: 1, max: 6 }),
}) as fc.Arbitrary<Request>;
const past = fc.array(request, { maxLength: 12 });
const span = fc.tuple(fc.nat(SLOTS - 1), fc.integer({ min: 1, max: 6 }));
const options = { numRuns: 40, seed: 5 };
const kernels = ['6.18', '6.12', '7.3'];

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
