import { expect, test } from 'vitest';
import { toHex } from '../../src/base/bytes.ts';
import { Random } from '../../src/base/seed.ts';
import { Walk } from '../../src/engine/generate.ts';
import { Session } from '../../src/engine/session.ts';
import { bootSuite } from '../../src/lab/suites/boot.ts';
import { pageAttributesSuite } from '../../src/lab/suites/page-attributes.ts';
import { textPokeSuite } from '../../src/lab/suites/text-poke.ts';
import { vmallocSuite } from '../../src/lab/suites/vmalloc.ts';
import { JUNK } from '../../src/model/machine/frame.ts';
import type { World } from '../../src/model/world.ts';

/** All state of the world that can be seen: frames, caches, accounts, areas, messages. */
function pictureOf({ machine, directMap, log, locks, vmalloc, vmapAreas, image, livePatching, rcu }: World): unknown {
  const frames = [...machine.memory.touchedFrames()]
    .filter(({ use, uniformByte }) => use !== 'free' || uniformByte !== JUNK)
    .map((frame) => `${frame.number} ${frame.use} ${frame.uniformByte ?? toHex(frame.view())}`);
  const cpus = machine.cpus.map(({ mmu, space, interruptsOff }) => ({
    held: [...mmu.tlb.translations()].map((held) => JSON.stringify(held)).toSorted(),
    tables: [...mmu.tlb.tables()].map((table) => JSON.stringify(table)).toSorted(),
    space: space.id,
    interruptsOff,
  }));
  const free = [machine.memory.freeFrameCount];
  const areas = vmalloc.areas.map(({ firstPage, frames: own, flushResetPerms }) => [firstPage, own, flushResetPerms]);
  const taken = vmapAreas.taken.map(({ firstPage, pageCount }) => [firstPage, pageCount]);
  const lazy = vmapAreas.lazy.items.map(({ firstPage }) => firstPage).toSorted();
  const accounts = {
    counts: { ...directMap.counts },
    events: { ...directMap.events },
    flushes: { ...machine.flushes },
  };
  const kernel = { messages: log.since(0), locks: [...locks.heldBefore], sealed: image.isReadOnly };
  return {
    frames,
    cpus,
    free,
    areas,
    taken,
    lazy,
    accounts,
    kernel,
    patching: livePatching.active,
    rcu: rcu.readers.size,
  };
}

test.each([bootSuite, pageAttributesSuite, vmallocSuite, textPokeSuite])('$name', (suite) => {
  const session = new Session(suite, { kernel: '6.18' });
  const fresh = pictureOf(session.world);
  const walk = new Walk(session, new Random('undo'), 60);
  const marks: { position: number; steps: number; picture: unknown }[] = [];
  do marks.push({ position: session.position, steps: session.stepCount, picture: pictureOf(session.world) });
  while (!walk.advance(15));
  for (const { position, steps, picture } of marks.toReversed()) {
    expect(session.undoTo(position, steps)).toBe(true);
    expect(pictureOf(session.world)).toEqual(picture);
  }
  session.reset();
  expect(pictureOf(session.world)).toEqual(fresh);
});
