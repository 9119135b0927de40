import { expect, test } from 'vitest';
import { Random } from '../../src/base/seed.ts';
import { Walk } from '../../src/engine/generate.ts';
import { Session } from '../../src/engine/session.ts';
import { bootSuite } from '../../src/lab/suites/boot.ts';
import { pageAttributesSuite } from '../../src/lab/suites/page-attributes.ts';
import { textPokeSuite } from '../../src/lab/suites/text-poke.ts';
import { vmallocSuite } from '../../src/lab/suites/vmalloc.ts';
import type { World } from '../../src/model/world.ts';

/** Pages worth caching: of live areas, of their frames in the direct map, of the kernel image. */
function somePage({ vmalloc, directMap, image }: World, random: Random): number {
  const area = vmalloc.areas.length > 0 ? random.pick(vmalloc.areas) : undefined;
  if (area === undefined || random.chance(0.2)) return random.between(image.whole.first, image.whole.end - 1);
  const index = random.below(area.pageCount);
  return random.chance(0.5) ? area.firstPage + index : directMap.pageOf(area.frames[index]!);
}

test.each([bootSuite, pageAttributesSuite, vmallocSuite, textPokeSuite])(
  '$name: CPUs may cache anything present before any step, and every law still holds',
  (suite) => {
    const session = new Session(suite, { kernel: '6.18' });
    const random = new Random(`blind ${suite.name}`);
    for (let run = 0; run < 6; run++) {
      const walk = new Walk(session, random, 50);
      do {
        for (let fill = 0; fill < 4; fill++) {
          const cpu = random.pick(session.world.machine.cpus);
          cpu.mmu.speculate(cpu.space, somePage(session.world, random));
        }
      } while (!walk.advance(1));
      // A kernel's own bug may end a run; it is told apart by the violation's story, and is none of speculation's.
      expect(walk.outcome, session.violation?.evidence.join('; ')).not.toBe('violates');
    }
  },
);
