import { expect, test } from 'vitest';
import { Random } from '../../src/base/seed.ts';
import { Walk } from '../../src/engine/generate.ts';
import { Session } from '../../src/engine/session.ts';
import { MappingIndex, mappingsOf } from '../../src/invariants/ghosts/mappings.ts';
import { pageAttributesSuite } from '../../src/lab/suites/page-attributes.ts';
import { vmallocSuite } from '../../src/lab/suites/vmalloc.ts';

/** Everything an index answers, in an order of its own. */
function answersOf(index: MappingIndex): unknown {
  const leaves = [...index.leaves()].map((leaf) => {
    const sharing = index.sharing(leaf).map(({ page, space }) => `${space}:${page}`);
    return `${leaf.space}:${leaf.page} ${leaf.level} ${leaf.frame} ${leaf.flags} <${sharing.toSorted().join(' ')}>`;
  });
  return { leaves: leaves.toSorted(), counts: index.counts };
}

test.each([pageAttributesSuite, vmallocSuite])(
  '$name: what was followed step by step, and back, is what a scan finds',
  (suite) => {
    const session = new Session(suite, { kernel: '6.18' });
    const fresh = answersOf(mappingsOf(session.world));
    for (let run = 0; run < 3; run++) {
      const walk = new Walk(session, new Random(`mirror ${run}`), 60);
      while (!walk.advance(20)) {
        expect(answersOf(mappingsOf(session.world))).toEqual(answersOf(new MappingIndex(session.world)));
      }
      session.reset();
      expect(answersOf(mappingsOf(session.world))).toEqual(fresh);
    }
  },
);
