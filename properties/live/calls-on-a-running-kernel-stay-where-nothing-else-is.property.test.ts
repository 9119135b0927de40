import fc from 'fast-check';
import { expect, test } from 'vitest';
import { arenaSuite } from '../../src/lab/suites/arena.ts';
import { ArenaWorld } from '../../src/model/arena-world.ts';
import { ArenaProgram } from '../../src/model/bpf/arena-program.ts';
import { ArenaMapping } from '../../src/model/bpf/arena-user-side.ts';
import { mapMemory } from '../../src/model/kernel/user-memory/map-memory.ts';
import type { AccessCall, ArenaCall } from '../../src/operations/arena-call.ts';
import { refusal } from '../../src/targets/live/performable.ts';

/** Both ends are multiples of 4 GiB; the engine draws addresses below, the system places above. */
const [ZONE_START, ZONE_END] = [0x47f0_0000_0000n, 0x4b00_0000_0000n];
const MMAPABLE = 0x400;

function scene(mapExtra: bigint, maxEntries = 16) {
  const world = arenaSuite.boot('6.18', { cpus: '2', memory: '2048' });
  expect(world).toBeInstanceOf(ArenaWorld);
  const process = world.newProcess();
  const arena = world.arenas.create({
    flags: MMAPABLE,
    maxEntries,
    mapExtra,
    keySize: 0,
    valueSize: 0,
  }) as ArenaMapping;
  expect(arena).toBeInstanceOf(ArenaMapping);
  return { world, process, arena };
}

const HOME = 0x4900_0000_8000n;
const SHARED = { protection: 3, offset: 0n } as const;

const restrictions = {
  release: '6.18.44',
  allowedHazards: new Set<string>(),
  nodeExists: (node: number) => node <= 0,
  splitLocksTrap: true,
  drawn: true,
};
const refused = refusal(restrictions);

/** Around the edges of the zone and of all addresses, aligned and not. */
const address = fc
  .tuple(
    fc.constantFrom(0n, ZONE_START, 0x4800_0000_2000n, 0x4900_ffff_e000n, 0x4a00_0000_0000n, ZONE_END, 2n ** 64n),
    fc.bigInt({ min: -(2n ** 33n), max: 2n ** 33n }),
    fc.constantFrom(0n, 0n, 1n, 4095n),
  )
  .map(([base, pages, byte]) => BigInt.asUintN(64, base + ((pages >> 12n) << 12n) + byte));
const length = fc.oneof(
  fc.bigInt({ min: 0n, max: 3n * 4096n }),
  fc.constantFrom(
    2n ** 32n,
    2n ** 32n + 1n,
    2n ** 40n,
    2n ** 41n,
    2n ** 47n,
    2n ** 63n,
    2n ** 64n - 4096n,
    2n ** 64n - 1n,
  ),
);
const flags = fc.constantFrom(0, 1, 2, 3, 0x10, 0x11, 0x13, 0x10_0001, 0x8001);

/** The bytes that Linux may map, unmap, change or read for a call: lengths are rounded up to pages and wrap around 2^64. */
function touched(call: ArenaCall): readonly (readonly [start: bigint, end: bigint])[] {
  const rounded = (bytes: bigint) => BigInt.asUintN(64, ((bytes + 4095n) >> 12n) << 12n);
  const range = (start: bigint, bytes: bigint) => [start, start + rounded(bytes)] as const;
  switch (call.call) {
    case 'mmap': {
      const [start, end] = range(call.address & ~4095n, call.length);
      const moved = start >> 32n === (end - 1n) >> 32n ? start : ((start >> 32n) + 1n) << 32n;
      return [
        [start, end],
        [moved, moved + (end - start)],
      ];
    }
    case 'mremap':
      return [
        range(call.address, call.oldLength),
        range(call.address, call.newLength),
        range(call.newAddress, call.newLength),
      ];
    case 'munmap':
    case 'mprotect':
    case 'madvise-dontneed':
      return [range(call.address, call.length)];
    default:
      throw new Error(`no call of a process: ${call.call}`);
  }
}

test('whatever a process is told to map, unmap or change lies in the zone of traces, wrapping lengths included', () => {
  const { world, process, arena } = scene(0x4800_0000_2000n);
  const calls: fc.Arbitrary<ArenaCall> = fc.oneof(
    fc.record({
      call: fc.constant('mmap' as const),
      process: fc.constant(process),
      arena: fc.constant(arena),
      address,
      length,
      flags,
      protection: fc.constantFrom(0, 1, 3, 5),
      offset: fc.constantFrom(0n, 1n, 4096n),
    }),
    fc.record({
      call: fc.constantFrom('munmap' as const, 'madvise-dontneed' as const),
      process: fc.constant(process),
      address,
      length,
    }),
    fc.record({
      call: fc.constant('mprotect' as const),
      process: fc.constant(process),
      address,
      length,
      protection: fc.constantFrom(0, 3),
    }),
    fc.record({
      call: fc.constant('mremap' as const),
      process: fc.constant(process),
      address,
      oldLength: length,
      newLength: length,
      flags: fc.integer({ min: 0, max: 8 }),
      newAddress: address,
    }),
  );
  let performed = 0;
  fc.assert(
    fc.property(calls, (call) => {
      if (refused(world, call) !== undefined) return;
      performed++;
      for (const [start, end] of touched(call)) {
        expect(start >= ZONE_START && end <= ZONE_END, `${call.call} of ${start.toString(16)}`).toBe(true);
      }
    }),
    { seed: 6, numRuns: 3000 },
  );
  expect(performed).toBeGreaterThan(300);
});

test('without MAP_FIXED nothing is mapped where something is, by as little as a byte', () => {
  const { world, process, arena } = scene(0n, 4);
  const other = world.arenas.create(arena.arena.attributes) as ArenaMapping;
  expect(mapMemory(process, other, { ...SHARED, address: HOME, length: 4096n, flags: 0x11 })).toBe(HOME);
  const mmap = (start: bigint, bytes: bigint) =>
    refused(world, { call: 'mmap', process, arena, ...SHARED, address: start, length: bytes, flags: 1 });
  expect(mmap(HOME, 1n)).toMatch(/choose the address/);
  expect(mmap(HOME + 4095n, 1n)).toMatch(/choose the address/);
  expect(mmap(HOME - 4096n, 1n)).toMatch(/choose the address/);
  expect(mmap(HOME - 8192n, 4097n)).toMatch(/choose the address/);
  expect(mmap(HOME - 8192n, 4096n)).toBeUndefined();
  expect(mmap(HOME + 4096n, 1n)).toBeUndefined();
});

test('frees below a base, and atomics across cache lines where these trap, are hazards by name', () => {
  const { world, arena } = scene(0x4800_0000_2000n);
  const program = new ArenaProgram(arena.arena, world.machine.cpus[0]!);
  const free = (at: bigint, count: number) => refused(world, { call: 'free-pages', program, address: at, count });
  expect(free(0x4800_0000_2000n, 2)).toBeUndefined();
  expect(free(0x4800_0000_1fffn, 1)).toMatch(/arena-free-below-the-base/);
  expect(free(0x1000n, 1)).toMatch(/arena-free-below-the-base/);
  expect(free(0x1000n, 2)).toMatch(/arena-free-/);
  const access = (kind: AccessCall['access'], pointer: bigint, offset: number, allowed = refused) =>
    allowed(world, { call: 'access', program, access: kind, pointer, offset, size: 8, value: 0n, expect: 0n });
  expect(access('fadd', 0x4800_0000_2038n, 0)).toBeUndefined();
  expect(access('fadd', 0x4800_0000_2039n, 0)).toMatch(/arena-atomic-across-cache-lines/);
  expect(access('xchg', 0x4800_0000_2000n, -4)).toMatch(/arena-atomic-across-cache-lines/);
  expect(access('cmpxchg', 0n, -4)).toMatch(/arena-atomic-across-cache-lines/);
  for (const plain of ['load', 'store', 'ldacq', 'strel'] as const) {
    expect(access(plain, 0x4800_0000_2039n, 0)).toBeUndefined();
  }
  expect(access('fadd', 0x4800_0000_2039n, 0, refusal({ ...restrictions, splitLocksTrap: false }))).toBeUndefined();
});

test('drawn traces never have more than two arenas alive; written ones may', () => {
  const { world } = scene(0n);
  const attributes = { flags: MMAPABLE, maxEntries: 1, mapExtra: 0n, keySize: 0, valueSize: 0 };
  const create: ArenaCall = { call: 'map-create', ...attributes };
  expect(refused(world, create)).toBeUndefined();
  expect(world.arenas.create(attributes)).toBeInstanceOf(ArenaMapping);
  expect(refused(world, create)).toMatch(/arenas enough/);
  expect(refusal({ ...restrictions, drawn: false })(world, create)).toBeUndefined();
});

test('reads and writes of processes end with the zone', () => {
  const { world, process } = scene(0n);
  const read = (start: bigint, bytes: number): ArenaCall => ({
    call: 'process-read',
    process,
    address: start,
    length: bytes,
  });
  const write = (start: bigint, bytes: number): ArenaCall => ({
    call: 'process-write',
    process,
    address: start,
    bytes: new Uint8Array(bytes),
  });
  for (const access of [read, write]) {
    expect(refused(world, access(ZONE_END - 8n, 8))).toBeUndefined();
    expect(refused(world, access(ZONE_END - 8n, 9))).toMatch(/belongs to the process/);
    expect(refused(world, access(ZONE_START - 1n, 1))).toMatch(/belongs to the process/);
  }
});
