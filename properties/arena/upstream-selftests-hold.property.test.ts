import { expect, test } from 'vitest';
import { guardBytes, HALF_GUARD_PAGES } from '../../src/model/bpf/arena-address.ts';
import { Scene } from './program-scene.ts';

/** What the kernel's own selftests of arenas ask, as far as worked-vectors does not: sections G and F of the project's facts. */
const BASE = 0x4800_0000_2000n;
const LARGE = 0x4801_0000_0000n;
const LAST = 2 ** 20 - 1;

test('G3: max_entries pages come in one call, and no more', () => {
  const scene = new Scene('6.18', 16, BASE);
  expect([scene.alloc(16), scene.alloc(1)]).toEqual([0, 'NULL']);
  expect(scene.freeRuns).toEqual([]);
});

test('G8: where nothing may sleep a freed page reads as before until the worker has run', () => {
  const scene = new Scene('7.0', 2, BASE);
  expect([scene.alloc(1, 0n, false), scene.alloc(1, 0n, false), scene.alloc(1, 0n, false)]).toEqual([0, 1, 'NULL']);
  scene.store(scene.at(0), 1n);
  scene.store(scene.at(1), 2n);
  scene.free(1, 1, false);
  expect([scene.load(scene.at(0)), scene.load(scene.at(1))]).toEqual([1n, 2n]);
  expect(scene.alloc(1, 0n, false)).toBe('NULL');
  scene.world.arenas.frees.drain(scene.arena);
  expect([scene.load(scene.at(0)), scene.load(scene.at(1))]).toEqual([1n, 0n]);
  expect(scene.alloc(1, 0n, false)).toBe(1);
  expect(scene.load(scene.at(1))).toBe(0n);
});

test('G9: under a spin lock a page can be reserved, freed, allocated and freed again', () => {
  const scene = new Scene('7.0', 4, BASE);
  expect(scene.reserve(0, 1)).toBe(0);
  scene.free(0, 1, false);
  expect(scene.world.arenas.frees.drain(scene.arena)).toBe(1);
  expect(scene.alloc(1, scene.at(0), false)).toBe(0);
  scene.free(0, 1, false);
  expect(scene.world.arenas.frees.drain(scene.arena)).toBe(1);
  expect(scene.freeRuns).toEqual([[0, 3]]);
});

test('G12: a free below the base does nothing from 7.2 on; before, it frees slots that no arena has', () => {
  for (const [kernel, runs] of [
    ['7.2', []],
    ['6.18', [[0xf_ffff, 0xf_ffff]]],
  ] as const) {
    const scene = new Scene(kernel, 2, BASE);
    scene.alloc(2);
    scene.world.arenas.frees.free(scene.arena, 0x1000n, 1, true);
    expect(scene.freeRuns).toEqual(runs);
  }
});

test('G13: the ends of 4 GiB hold values of their own, and what lies beside them reads 0', () => {
  const scene = new Scene('6.18', LAST + 1, LARGE);
  expect(scene.alloc(1, scene.at(LAST))).toBe(LAST);
  const first = scene.alloc(1);
  expect(first).toBe(0);
  expect(scene.alloc(1, scene.at(LAST - 1))).toBe(LAST - 1);
  expect(scene.alloc(1, scene.at(LAST))).toBe('NULL');
  scene.store(scene.at(0), 1n);
  scene.store(scene.at(LAST - 1), 2n);
  expect([scene.load(scene.at(0)), scene.load(scene.at(LAST - 1))]).toEqual([1n, 2n]);
  expect([scene.load(scene.at(0), -4096), scene.load(scene.at(0), 4096)]).toEqual([0n, 0n]);
  expect(scene.load(scene.at(LAST - 1), -4096)).toBe(0n);
  scene.free(0, 1);
  expect(scene.load(scene.at(0))).toBe(0n);
  expect(scene.alloc(1)).toBe(0);
});

test('G14: programs store into a reserved range and read 0, as where nothing is', () => {
  const scene = new Scene('6.18', 16, BASE);
  expect(scene.reserve(2, 6)).toBe(0);
  for (let slot = 0; slot < 10; slot++) scene.store(scene.at(slot), 7n);
  for (let slot = 0; slot < 10; slot++) expect(scene.load(scene.at(slot))).toBe(0n);
});

test('the last address of 4 GiB does not wrap onto the first page by its offset', () => {
  const scene = new Scene('6.18', LAST + 1, LARGE);
  scene.alloc(1);
  scene.store(scene.at(0), 0x55n);
  expect(scene.load(scene.at(LAST) + 4088n, 8)).toBe(0n);
});

test('F14: with pages of 64 KiB half of the guard is whole pages, so the window begins at one', () => {
  for (const page of [4096, 16_384, 65_536]) expect((guardBytes(page) / 2) % page).toBe(0);
  expect(HALF_GUARD_PAGES * 4096).toBe(32_768);
});

test('memory usage counts pages of users and programs alike, from 7.3 on', () => {
  const scene = new Scene('7.3', 32, BASE);
  const told = () => scene.world.arenas.memoryUsage(scene.arena) / 4096;
  expect(told()).toBe(0);
  scene.alloc(17);
  expect(told()).toBe(17);
  for (const [slot, count, left] of [
    [0, 1, 16],
    [1, 10, 6],
    [11, 6, 0],
  ] as const) {
    scene.free(slot, count);
    expect(told()).toBe(left);
  }
});
