import { expect, test } from 'vitest';
import { bootArenaWorld } from '../../src/lab/boot-arena-world.ts';
import { castToUser, guardBytes, slotOf, windowBytes } from '../../src/model/bpf/arena-address.ts';
import { BPF_F_MMAPABLE, BPF_F_SEGV_ON_FAULT, refuseAttributes } from '../../src/model/bpf/arena-attributes.ts';
import type { ArenaMapping } from '../../src/model/bpf/arena-user-side.ts';
import { MAP_FIXED, mapMemory } from '../../src/model/kernel/user-memory/map-memory.ts';
import { readUserMemory, writeUserMemory } from '../../src/model/kernel/user-memory/user-access.ts';
import { Scene } from './program-scene.ts';

const BASE = 0x4800_0000_2000n;
const PAGE = 4096n;
const tryAttributes = (maxEntries: number, mapExtra: bigint, flags = BPF_F_MMAPABLE) =>
  refuseAttributes({ flags, maxEntries, mapExtra, keySize: 0, valueSize: 0 });

test('I-a: the guards hold a signed 16-bit offset on each side, for every page size', () => {
  expect([4096, 16_384, 65_536].map(guardBytes)).toEqual([0x10000, 0x10000, 0x20000]);
  expect([4096, 65_536].map(windowBytes)).toEqual([0x1_0001_0000, 0x1_0002_0000]);
});

test('I-b: a page lies in the window by the low half of its address, not by its place in the arena', () => {
  const scene = new Scene('6.18', 64, 0x7f7d_2620_0000n);
  expect(scene.alloc(1, 0x2620_3000n)).toBe(3);
  expect(scene.arena.window.frameAt(0x26203)).toBeDefined();
});

test('I-c: a cast to user space puts the upper half back, except for a low half of 0', () => {
  expect(castToUser(0x2620_0010n, 0x7f7d_2620_0000n, true)).toBe(0x7f7d_2620_0010n);
  expect(castToUser(0xabcd_0000_0000n, 0x1000_0000_0000n, true)).toBe(0n);
  expect(castToUser(0x2620_0010n, 0x7f7d_2620_0000n, false)).toBe(0x2620_0010n);
});

test('I-d: two pages may end at a multiple of 4 GiB and not cross it', () => {
  expect(tryAttributes(2, 0x7f7d_ffff_e000n)).toBeUndefined();
  expect(tryAttributes(2, 0x7f7d_ffff_f000n)).toBe('-ERANGE');
});

test('I-d: a first mapping that would cross is moved up, even a fixed one', () => {
  const world = bootArenaWorld('6.18');
  const shape = { flags: BPF_F_MMAPABLE, maxEntries: 4, mapExtra: 0n, keySize: 0, valueSize: 0 };
  const arena = world.arenas.create(shape) as ArenaMapping;
  const request = { address: 0x4800_ffff_e000n, length: 0x4000n, protection: 3, flags: 1 | MAP_FIXED, offset: 0n };
  expect(mapMemory(world.newProcess(), arena, request)).toBe(0x4801_0000_0000n);
});

test('I-e: a pointer below the base names a slot far above the end', () => {
  expect(slotOf(0x1000, 0x2000)).toBe(0xfffff);
  expect(slotOf(0, 0xffff_e000)).toBe(2);
  expect(slotOf(0, 0)).toBe(0);
});

test('I-f: freed single slots are taken in reverse order, then the big run', () => {
  const scene = new Scene('6.18', 16, BASE);
  expect(Array.from({ length: 8 }, () => scene.alloc(1))).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  for (const slot of [1, 3, 5]) scene.free(slot, 1);
  expect(scene.freeRuns).toEqual([
    [1, 1],
    [3, 3],
    [5, 5],
    [8, 15],
  ]);
  expect(Array.from({ length: 4 }, () => scene.alloc(1))).toEqual([5, 3, 1, 8]);
});

test('I-g: the smallest run that fits is taken, and two single slots are no pair', () => {
  const scene = new Scene('6.18', 12, BASE);
  scene.alloc(12);
  scene.free(0, 3);
  scene.free(6, 2);
  scene.free(10, 2);
  expect([scene.alloc(2), scene.alloc(1), scene.alloc(2), scene.alloc(2)]).toEqual([10, 6, 0, 'NULL']);
  expect(scene.freeRuns).toEqual([
    [2, 2],
    [7, 7],
  ]);
});

test('I-h: of a split the right part is the younger one; 6.12 takes the lowest gap', () => {
  const scene = new Scene('6.18', 10, BASE);
  expect(scene.reserve(4, 2)).toBe(0);
  expect(scene.alloc(4)).toBe(6);
  const early = new Scene('6.12', 10, BASE);
  early.alloc(2, early.at(4));
  expect(early.alloc(4)).toBe(0);
});

test('I-i: loads beside a two-page arena read 0 and report the address they would have had', () => {
  const { program, arena } = new Scene('6.18', 2, 0x4800_ffff_e000n);
  for (const offset of [2 * 4096, -4096]) {
    const answer = program.load({ pointer: arena.userStart, offset, size: 1 });
    expect(answer).toEqual({ value: 0n, report: { kind: 'READ', address: arena.userStart + BigInt(offset) } });
  }
});

test('I-j: a free rounds down, an allocation refuses, a reservation says 0 and does nothing', () => {
  const scene = new Scene('6.18', 4, BASE);
  scene.alloc(1);
  scene.world.arenas.frees.free(scene.arena, scene.at(0) + 0x123n, 1, true);
  expect(scene.freeRuns).toEqual([[0, 3]]);
  expect(scene.alloc(1, scene.at(0) + 0x123n)).toBe('NULL');
  expect(scene.reserve(0, 1, 0x123n)).toBe(0);
  expect(scene.freeRuns).toEqual([[0, 3]]);
});

test('G1: two of two pages keep their values; a freed one reads 0 and comes back', () => {
  const scene = new Scene('6.18', 2, BASE);
  expect([scene.alloc(1), scene.alloc(1), scene.alloc(1)]).toEqual([0, 1, 'NULL']);
  scene.store(scene.at(0), 1n);
  scene.store(scene.at(1), 2n);
  scene.free(1, 1);
  expect([scene.load(scene.at(0)), scene.load(scene.at(1))]).toEqual([1n, 0n]);
  expect(scene.alloc(1)).toBe(1);
  expect([scene.load(scene.at(0)), scene.load(scene.at(1))]).toEqual([1n, 0n]);
});

test('G2: stores behind and before the arena vanish', () => {
  const scene = new Scene('6.18', 2, 0x4800_ffff_e000n);
  scene.alloc(2);
  for (const offset of [0, 4096, 8192, -4096]) scene.store(scene.at(0), 7n, offset);
  expect([0, 4096, 8192, -4096].map((offset) => scene.load(scene.at(0), offset))).toEqual([7n, 7n, 0n, 0n]);
  scene.free(0, 2);
  expect([0, 4096].map((offset) => scene.load(scene.at(0), offset))).toEqual([0n, 0n]);
});

test('G4 to G6: a reserved page cannot be had, and not be reserved again', () => {
  const scene = new Scene('6.18', 2, BASE);
  expect(scene.reserve(1, 1)).toBe(0);
  expect(scene.alloc(1, scene.at(1))).toBe('NULL');
  expect([scene.alloc(1), scene.alloc(1)]).toEqual([0, 'NULL']);
  expect(scene.reserve(1, 1)).toBe('-EBUSY');
});

test('G7: reservations that do not fit are refused', () => {
  const scene = new Scene('6.18', 2, BASE);
  for (const count of [3, 4096, 0xffff_ffff]) expect(scene.reserve(0, count)).toBe('-EINVAL');
  expect(scene.world.arenas.allocator.reserve(scene.arena, 0n, 3)).toBe('-EINVAL');
});

test('G15 and G16: a request that meets a reservation fails whole; a free takes the reservation back', () => {
  const scene = new Scene('6.18', 16, BASE);
  scene.reserve(3, 4);
  expect(scene.alloc(5, scene.at(0))).toBe('NULL');
  scene.alloc(1, scene.at(2));
  scene.free(2, 2);
  expect(scene.alloc(2, scene.at(2))).toBe(2);
});

test('G17: freed pages of a hundred are refilled before the arena grows', () => {
  const scene = new Scene('6.18', 2 ** 20, 0x4801_0000_0000n);
  expect(Array.from({ length: 100 }, () => scene.alloc(1))).toEqual(Array.from({ length: 100 }, (_, slot) => slot));
  for (let slot = 0; slot < 100; slot += 2) scene.free(slot, 1);
  const again = Array.from({ length: 50 }, () => scene.alloc(1) as number);
  expect(again.every((slot) => slot < 100 && slot % 2 === 0)).toBe(true);
  for (let slot = 0; slot < 100; slot += 4) scene.free(slot, 2);
  const pairs = Array.from({ length: 25 }, () => scene.alloc(2) as number);
  expect(pairs.every((slot) => slot < 100)).toBe(true);
  expect(scene.alloc(1)).toBeGreaterThanOrEqual(100);
});

test('G18: 2,051 pages come in one call and are all there', () => {
  const scene = new Scene('7.0', 2 ** 20, 0x4801_0000_0000n);
  expect(scene.alloc(2051)).toBe(0);
  for (let slot = 0; slot < 2051; slot += 50) scene.store(scene.at(slot) + 8n, BigInt(slot + 1));
  for (let slot = 0; slot < 2051; slot += 50) expect(scene.load(scene.at(slot) + 8n)).toBe(BigInt(slot + 1));
});

test('a touch populates a reserved slot, and none of an arena that asked for a signal (L1)', () => {
  for (const flags of [0, BPF_F_SEGV_ON_FAULT]) {
    const scene = new Scene('6.18', 4, BASE, flags);
    const user = scene.world.newProcess();
    const request = { address: BASE, length: 4n * PAGE, protection: 3, flags: 1 | MAP_FIXED, offset: 0n };
    expect(mapMemory(user, scene.mapping, request)).toBe(BASE);
    expect(scene.reserve(1, 1)).toBe(0);
    expect(writeUserMemory(user, scene.at(1), Uint8Array.of(9))).toBe(flags === 0 ? 1 : '-EFAULT');
    expect(scene.load(scene.at(1))).toBe(flags === 0 ? 9n : 0n);
    expect(readUserMemory(user, scene.at(0), 1)).toEqual(flags === 0 ? Uint8Array.of(0) : '-EFAULT');
  }
});
