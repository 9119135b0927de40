import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type LeafPages, type LeafRun, pageCountOf } from '../../src/targets/live/leaf-run.ts';
import { PageWalk } from '../../src/targets/live/page-walk.ts';
import { type MadeUpLeaf, MadeUpTables } from './made-up-tables.ts';

/** Places for leaves: 1 GiB each, so that leaves of different sizes never want the same entry. */
const GIGABYTE_PAGES = 512 * 512;

const layout = fc.constantFrom(
  { levels: 4 as const, directMap: 0xffff_8880_0000_0000n, physicalBits: 46 },
  { levels: 4 as const, directMap: 0xffff_9a3f_4000_0000n, physicalBits: 39 },
  { levels: 5 as const, directMap: 0xff11_0000_0000_0000n, physicalBits: 52 },
  { levels: 5 as const, directMap: 0xff2a_47c0_0000_0000n, physicalBits: 48 },
);

const slot = fc.record({
  place: fc.integer({ min: 0, max: 4000 }),
  size: fc.constantFrom<LeafPages>(1, 512, 262144),
  count: fc.integer({ min: 1, max: 5 }),
  index: fc.integer({ min: 0, max: 500 }),
  frame: fc.integer({ min: 0, max: 2 ** 26 }),
  scattered: fc.boolean(),
  writable: fc.boolean(),
  executable: fc.boolean(),
});

const world = fc.record({ layout, slots: fc.uniqueArray(slot, { selector: ({ place }) => place, maxLength: 12 }) });

type World = typeof world extends fc.Arbitrary<infer Value> ? Value : never;

/** The leaves of a world, spread over the whole upper half. */
function leavesOf({ layout: { levels }, slots }: World): readonly MadeUpLeaf[] {
  const half = 256 * 512 ** (levels - 1);
  const first = 2 ** 52 - half;
  const stride = Math.floor(half / 4001 / GIGABYTE_PAGES);
  return slots.flatMap(({ place, size, count, index, frame, scattered, writable, executable }) => {
    const base = first + place * stride * GIGABYTE_PAGES;
    const times = size === 262144 ? 1 : Math.min(count, 512 - index);
    return Array.from({ length: times }, (_, n) => ({
      page: base + (size === 262144 ? 0 : (index + n) * size),
      frame: ((frame + n * (scattered ? 3 : 1)) * size) % 2 ** 27,
      leafPages: size,
      writable,
      executable,
    })).map((leaf) => ({ ...leaf, frame: leaf.frame - (leaf.frame % size) }));
  });
}

function built(sample: World): { readonly walk: PageWalk; readonly leaves: readonly MadeUpLeaf[] } {
  const tables = new MadeUpTables(sample.layout);
  const leaves = leavesOf(sample);
  for (const leaf of leaves) tables.map(leaf);
  return { walk: new PageWalk(tables, tables.roots), leaves };
}

/** The leaves that runs stand for, one by one. */
function expanded(runs: readonly LeafRun[]): readonly MadeUpLeaf[] {
  return runs.flatMap(({ leafCount, ...run }) =>
    Array.from({ length: leafCount }, (_, n) => ({
      ...run,
      page: run.page + n * run.leafPages,
      frame: run.frame + n * run.leafPages,
    })),
  );
}

const byPage = (leaves: readonly MadeUpLeaf[]) => leaves.toSorted((left, right) => left.page - right.page);

test('a walk of the upper half finds every leaf and nothing else', () => {
  fc.assert(
    fc.property(world, (sample) => {
      const { walk, leaves } = built(sample);
      const found = walk.kernelLeaves();
      expect(found.leafCount).toBe(leaves.length);
      expect(expanded(found.runs)).toEqual(byPage(leaves));
      expect(found.runs.reduce((sum, run) => sum + pageCountOf(run), 0)).toBe(
        leaves.reduce((sum, leaf) => sum + leaf.leafPages, 0),
      );
    }),
    { seed: 1, numRuns: 150 },
  );
});

test('a look at one address finds its leaf, and none beside it', () => {
  fc.assert(
    fc.property(world, fc.nat(), (sample, offset) => {
      const { walk, leaves } = built(sample);
      for (const leaf of leaves) {
        expect(walk.leafAt(leaf.page + (offset % leaf.leafPages))).toEqual({ ...leaf, leafCount: 1 });
        const next = leaf.page + leaf.leafPages;
        if (!leaves.some(({ page }) => page === next)) expect(walk.leafAt(next)).toBeUndefined();
      }
    }),
    { seed: 2, numRuns: 100 },
  );
});

test('a table that hangs in two places is walked once and counted', () => {
  const tables = new MadeUpTables({ levels: 4, directMap: 0xffff_8880_0000_0000n, physicalBits: 46 });
  const page = 2 ** 52 - 2 ** 30;
  const elsewhere = page + 7 * 512;
  tables.map({ page, frame: 77, leafPages: 1, writable: false, executable: false });
  tables.map({ page: elsewhere, frame: 78, leafPages: 1, writable: false, executable: false });
  tables.share(page, elsewhere, 2);
  const found = new PageWalk(tables, tables.roots).kernelLeaves();
  expect(found).toMatchObject({ leafCount: 1, repeatedTableCount: 1 });
  expect(new PageWalk(tables, tables.roots).leafAt(elsewhere)?.frame).toBe(77);
});
