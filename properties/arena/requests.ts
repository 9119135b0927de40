import fc from 'fast-check';
import { expect } from 'vitest';
import { bootArenaWorld } from '../../src/lab/boot-arena-world.ts';
import { NO_NODE } from '../../src/model/bpf/arena-allocator.ts';
import { BPF_F_MMAPABLE } from '../../src/model/bpf/arena-attributes.ts';
import type { ArenaMapping } from '../../src/model/bpf/arena-user-side.ts';
import { MAP_FIXED, mapMemory } from '../../src/model/kernel/user-memory/map-memory.ts';
import { userPage } from '../../src/model/kernel/user-memory/user-access.ts';

export const SLOTS = 24;
export const BASE = 0x4800_0000_2000n;

/** One arena of 24 slots with a process that maps it, in a state that a list of requests has led to. */
export class Scene {
  readonly world;
  readonly mapping: ArenaMapping;
  readonly user;

  constructor(kernel: string, requests: readonly Request[], base = BASE, flags = 0) {
    this.world = bootArenaWorld(kernel, { memory: '256' });
    const shape = { flags: BPF_F_MMAPABLE | flags, maxEntries: SLOTS, mapExtra: base, keySize: 0, valueSize: 0 };
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

export interface Request {
  readonly kind: 'alloc' | 'anywhere' | 'reserve' | 'touch' | 'free';
  readonly slot: number;
  readonly count: number;
}

export const request = fc.record({
  kind: fc.constantFrom('alloc', 'anywhere', 'reserve', 'touch', 'free'),
  slot: fc.nat(SLOTS - 1),
  count: fc.integer({ min: 1, max: 6 }),
}) as fc.Arbitrary<Request>;
export const past = fc.array(request, { maxLength: 12 });
export const span = fc.tuple(fc.nat(SLOTS - 1), fc.integer({ min: 1, max: 6 }));
export const options = { numRuns: 40, seed: 5 };
export const kernels = ['6.18', '6.12', '7.3'];
