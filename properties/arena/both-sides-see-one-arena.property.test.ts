import fc from 'fast-check';
import { expect, test } from 'vitest';
import { slotOf } from '../../src/model/bpf/arena-address.ts';
import { BPF_F_NO_USER_CONV } from '../../src/model/bpf/arena-attributes.ts';
import type { ArenaProgram } from '../../src/model/bpf/arena-program.ts';
import { unmapMemory } from '../../src/model/kernel/user-memory/change-mapping.ts';
import { readUserMemory, writeUserMemory } from '../../src/model/kernel/user-memory/user-access.ts';
import { BASE, kernels, options, past, request, Scene, SLOTS, span } from './requests.ts';

const few = { ...options, numRuns: 20 };
const programOf = ({ world, arena }: Scene) => world.arenas.loadProgram(arena, world.machine.cpu(0)) as ArenaProgram;

test.each(kernels)('M1 on %s: what one side writes the other reads, however often it is unmapped between', (kernel) => {
  fc.assert(
    fc.property(past, fc.nat(SLOTS - 1), fc.nat(4), (requests, slot, remaps) => {
      const scene = new Scene(kernel, requests);
      const program = programOf(scene);
      const place = { pointer: scene.at(slot), offset: 0, size: 8 } as const;
      const remap = () => {
        for (let time = 0; time < remaps; time++) {
          expect(unmapMemory(scene.user, scene.at(0), BigInt(SLOTS) * 4096n)).toBeUndefined();
          scene.map();
        }
      };
      if (writeUserMemory(scene.user, scene.at(slot), Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)) !== 8) return;
      remap();
      expect(program.load(place).value).toBe(0x0807_0605_0403_0201n);
      program.store(place, 0x99n);
      remap();
      expect(readUserMemory(scene.user, scene.at(slot), 2)).toEqual(Uint8Array.of(0x99, 0));
    }),
    few,
  );
});

test('M9: a byte within a page changes nothing for a free, and refuses an allocation', () => {
  fc.assert(
    fc.property(past, span, fc.integer({ min: 1, max: 4095 }), (requests, [slot, count], byte) => {
      const [plain, inside] = [new Scene('6.18', requests), new Scene('6.18', requests)];
      const address = inside.at(slot) + BigInt(byte);
      const { shape } = inside;
      expect(inside.alloc(address, count)).toBe(0n);
      expect(inside.world.arenas.allocator.reserve(inside.arena, address, count)).toBe(0);
      expect(inside.shape).toBe(shape);
      plain.free(plain.at(slot), count);
      inside.free(address, count);
      expect(inside.shape).toBe(plain.shape);
    }),
    few,
  );
});

test('M11: BPF_F_NO_USER_CONV changes casts to user space and nothing else', () => {
  fc.assert(
    fc.property(past, fc.nat(SLOTS - 1), (requests, slot) => {
      const [casting, plain] = [new Scene('6.18', requests), new Scene('6.18', requests, BASE, BPF_F_NO_USER_CONV)];
      expect(plain.shape).toBe(casting.shape);
      const low = BigInt.asUintN(32, plain.at(slot));
      expect(programOf(plain).castToUser(low)).toBe(low);
      expect(programOf(casting).castToUser(low)).toBe(casting.at(slot));
    }),
    few,
  );
});

test('M14: larger pages with lengths to match give the same slots', () => {
  const start = fc.nat(0xffff).map((page) => page * 65_536);
  fc.assert(
    fc.property(start, fc.nat(2 ** 16 - 1), fc.nat(4095), (start32, slot, byte) => {
      for (const shift of [12, 14, 16]) {
        const address = (start32 + slot * 2 ** shift + byte) % 2 ** 32;
        expect(slotOf(address, start32, shift)).toBe(slot % 2 ** (32 - shift));
      }
    }),
    options,
  );
});

test('M15: the maple tree and the range tree agree about requests at an address, frees and touches', () => {
  const addressed = fc.array(
    request.filter(({ kind }) => kind !== 'anywhere' && kind !== 'reserve'),
    { maxLength: 16 },
  );
  fc.assert(
    fc.property(addressed, (requests) => {
      const [maple, range] = [new Scene('6.12', requests), new Scene('6.16', requests)];
      expect(range.shape).toBe(maple.shape);
    }),
    few,
  );
});

test.each(['6.12', '6.18', '7.0', '7.3'])(
  'M16 on %s: one failing allocation leaks nothing and gives no slot twice',
  (kernel) => {
    fc.assert(
      fc.property(past, request, fc.integer({ min: 1, max: 9 }), (requests, last, failing) => {
        const reserves = kernel === '6.12' ? requests.filter(({ kind }) => kind !== 'reserve') : requests;
        const scene = new Scene(kernel, reserves);
        const { memory } = scene.world.machine;
        if (kernel === '6.12' && last.kind === 'reserve') return;
        scene.world.failing.during(failing, () => scene.perform(last));
        scene.world.arenas.frees.drain(scene.arena);
        const pages = new Set<number>();
        for (let slot = 0; slot < SLOTS; slot++) {
          const frame = scene.arena.window.frameAt(scene.arena.indexOf(slot));
          if (frame === undefined || frame === scene.arena.scratch) continue;
          expect(scene.arena.free.isFree(slot)).toBe(false);
          expect(pages.has(frame)).toBe(false);
          pages.add(frame);
        }
        const before = memory.freeFrameCount + pages.size;
        scene.free(scene.at(0), SLOTS);
        expect(scene.shape).toBe(`free 0-${SLOTS - 1} pages `);
        expect(memory.freeFrameCount).toBe(before);
      }),
      options,
    );
  },
);
