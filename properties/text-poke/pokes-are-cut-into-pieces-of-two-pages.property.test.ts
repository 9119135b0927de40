import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PAGE_SIZE } from '../../src/base/page.ts';
import { bootWorld } from '../../src/lab/boot-world.ts';
import type { World } from '../../src/model/world.ts';

function textOf(world: World, pages: number): number {
  const area = world.vmalloc.allocate({ sizeBytes: pages * PAGE_SIZE, window: world.layout.modules })!;
  world.access.fill(world.machine.cpu(0), area.firstPage, pages, 0xcc);
  world.setMemory.rox(area.firstPage, pages);
  return area.firstPage;
}

test('10000 bytes from three bytes before a page end: 4099 and 5901, each through at most two alias pages', () => {
  const world = bootWorld('6.18');
  const { textPoke, machine, access } = world;
  const page = textOf(world, 4);
  const pieces: { length: number; pages: number; interruptsOff: boolean }[] = [];
  const { mapAlias, write } = textPoke;
  textPoke.write = function (cpu, at, bytes) {
    pieces.push({ length: bytes.length, pages: 0, interruptsOff: false });
    write.call(this, cpu, at, bytes);
  };
  textPoke.mapAlias = function (frames) {
    Object.assign(pieces.at(-1)!, { pages: frames.length, interruptsOff: machine.cpu(1).interruptsOff });
    mapAlias.call(this, frames);
  };
  const bytes = Uint8Array.from({ length: 10_000 }, (_, index) => (7 * index) & 0xff);
  const { global } = machine.flushes;

  expect(textPoke.copy(machine.cpu(1), { page, offset: PAGE_SIZE - 3 }, bytes)).toBe(true);

  expect(pieces).toEqual([
    { length: 4099, pages: 2, interruptsOff: true },
    { length: 5901, pages: 2, interruptsOff: true },
  ]);
  expect(access.peek(page, PAGE_SIZE - 3, 10_000)).toEqual(bytes);
  expect(access.peek(page, 0, PAGE_SIZE - 3)!.every((byte) => byte === 0xcc)).toBe(true);
  expect(machine.flushes).toMatchObject({ global, local: 2 });
  expect(machine.cpu(1)).toMatchObject({ interruptsOff: false, space: machine.kernelSpace });
});

test('a poke in one piece leaves the bytes that pokes in two pieces leave', () => {
  const world = bootWorld('6.18');
  const page = textOf(world, 4);
  const fresh = world.journal.position;
  const cpu = world.machine.cpu(0);
  fc.assert(
    fc.property(fc.nat(6000), fc.uint8Array({ maxLength: 9000, size: 'max' }), fc.nat(9000), (offset, bytes, cut) => {
      const at = Math.min(cut, bytes.length);
      const whole = () => world.access.peek(page, 0, 4 * PAGE_SIZE)!;
      world.textPoke.copy(cpu, { page, offset }, bytes);
      const once = whole();
      world.journal.undoTo(fresh);
      world.textPoke.copy(cpu, { page, offset }, bytes.subarray(0, at));
      world.textPoke.copy(cpu, { page, offset: offset + at }, bytes.subarray(at));
      expect(Buffer.compare(whole(), once)).toBe(0);
      world.journal.undoTo(fresh);
    }),
    { seed: 5, numRuns: 40 },
  );
});

test('core kernel text is refused with a warning, and length 0 does nothing', () => {
  const world = bootWorld('6.18');
  const { textPoke, machine, image, log } = world;
  expect(textPoke.copy(machine.cpu(0), { page: image.text.first + 3, offset: 8 }, Uint8Array.of(1))).toBe(false);
  expect(log.reports.length).toBe(1);
  const page = textOf(world, 1);
  const position = world.journal.position;
  expect(textPoke.set(machine.cpu(0), { page, offset: 0 }, 0xcc, 0)).toBe(true);
  expect(world.journal.position).toBe(position);
});

test('a CPU that meets an instruction being replaced runs the old one, or the new one by way of the int3 handler', () => {
  const world = bootWorld('6.18');
  const { livePatching, machine } = world;
  const page = textOf(world, 1);
  world.textPoke.copy(machine.cpu(0), { page, offset: 0 }, Uint8Array.of(0x0f, 0x1f, 0x44, 0, 0));
  const batch = livePatching.begin(machine.cpu(0), [{ page, offset: 0 }], Uint8Array.of(0xe8, 1, 2, 3, 4));
  const ran = [livePatching.execute(machine.cpu(1), batch.sites[0]!)];
  for (const _ of ['tails', 'heads', 'finish']) {
    livePatching.advance(machine.cpu(0), batch);
    ran.push(livePatching.execute(machine.cpu(1), batch.sites[0]!));
  }
  expect(ran).toEqual(['emulated', 'emulated', 'new', 'new']);
  expect(livePatching.active).toBeUndefined();
});
