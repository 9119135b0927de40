import { expect, test } from 'vitest';
import { bootWorld } from '../../src/lab/boot-world.ts';
import type { Binary } from '../../src/model/kernel/binary-pack.ts';
import { DISPATCHER_PROGRAMS } from '../../src/model/kernel/dispatcher.ts';
import type { World } from '../../src/model/world.ts';
import { textBytes } from '../prog-pack/text-state.ts';

const freshWorld = (kernel = '6.18'): World => bootWorld(kernel, { memory: '256' });

function load({ text }: World): Binary {
  const binary = text.binaries.allocate({ length: 40, align: 4, random: 0, capable: true, cpu: 0 })!;
  text.binaries.finalize(binary, 0);
  return binary;
}

/** A change and the end of its grace period. */
function change({ text: { dispatcher } }: World, from: Binary | undefined, to: Binary | undefined): void {
  dispatcher.change(from, to, 0);
  if (dispatcher.update !== undefined) dispatcher.finishUpdate();
}

test('the first program goes to half 0, then halves alternate, and an empty table publishes the indirect call', () => {
  const world = freshWorld();
  const { dispatcher } = world.text;
  const [one, two] = [load(world), load(world)];
  const targets = [
    [undefined, one],
    [undefined, two],
    [one, undefined],
    [two, undefined],
    [undefined, two],
  ].map(([from, to]) => {
    change(world, from, to);
    return dispatcher.target;
  });
  expect(targets).toEqual([0, 1, 0, 'nop', 0]);
});

test('a second user of a program publishes nothing, nor does its leaving; the last one does', () => {
  const world = freshWorld();
  const { dispatcher } = world.text;
  const program = load(world);
  change(world, undefined, program);
  dispatcher.change(undefined, program, 0);
  expect(dispatcher.update).toBeUndefined();
  dispatcher.change(program, undefined, 0);
  expect(dispatcher.update).toBeUndefined();
  change(world, program, undefined);
  expect(dispatcher.target).toBe('nop');
});

test('a change from a program to itself does nothing, not even get an image', () => {
  const world = freshWorld();
  const program = load(world);
  world.text.dispatcher.change(program, program, 0);
  expect(world.text.dispatcher.image).toBeUndefined();
});

test('the 49th program is passed over in silence', () => {
  const world = freshWorld();
  const { dispatcher } = world.text;
  const programs = Array.from({ length: DISPATCHER_PROGRAMS + 1 }, () => load(world));
  for (const program of programs) change(world, undefined, program);
  expect(dispatcher.programs.length).toBe(DISPATCHER_PROGRAMS);
  const { currentHalf, image } = dispatcher;
  const half = textBytes(world, image! + currentHalf * 2048, 2048);
  const words = [...new BigInt64Array(half.buffer)].filter((word) => word !== 0n).map(Number);
  expect(words).toEqual(programs.slice(0, DISPATCHER_PROGRAMS).map(({ image: address }) => address));
});

test('an update ends when those who were inside have left, whoever comes later', () => {
  const world = freshWorld();
  const { dispatcher } = world.text;
  change(world, undefined, load(world));
  const early = dispatcher.enter();
  dispatcher.change(undefined, load(world), 0);
  const late = dispatcher.enter();
  expect(late.reads).toBe(1);
  expect(dispatcher.updateIsOver()).toBe(false);
  dispatcher.leave(early);
  expect(dispatcher.updateIsOver()).toBe(true);
});

test('a pack that is made for the dispatcher is born full of zeros', () => {
  const world = freshWorld();
  const program = { ...load(world) };
  world.text.binaries.release(program, 0);
  expect(world.text.packs.packs.length).toBe(0);
  change(world, undefined, program);
  const { image } = world.text.dispatcher;
  expect(textBytes(world, image! + 4096, 64)).toEqual(new Uint8Array(64));
});

test.each(['6.18', '6.1', '7.3'])(
  'on %s every failing allocation of the first change leaves no image and no memory',
  (kernel) => {
    const world = freshWorld(kernel);
    const program = load(world);
    const { dispatcher, packs } = world.text;
    const start = world.journal.position;
    const chunks = [...packs.packs.at(0)!.chunks.setRuns()];
    const areas = world.vmalloc.areas.length;
    for (let failing = 1; ; failing++) {
      world.failing.during(failing, () => dispatcher.change(undefined, program, 0));
      if (world.failing.failed === undefined) break;
      if (dispatcher.image === undefined) {
        expect([...packs.packs.at(0)!.chunks.setRuns()]).toEqual(chunks);
        expect(world.vmalloc.areas.length).toBe(areas);
        expect(dispatcher.programs.length, 'the program stays out of the table').toBe(0);
      }
      world.journal.undoTo(start);
    }
    expect(dispatcher.target).toBe(0);
    expect(world.log.since(0)).toEqual([]);
  },
);
