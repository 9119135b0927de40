import { invariant } from '../language/invariant.ts';
import type { VmArea } from '../model/kernel/vmalloc.ts';
import { firstPageOf, pagesAtLevel } from '../model/machine/page-table.ts';
import { NO_EXECUTE, PRESENT, WRITABLE } from '../model/machine/page-table-entry.ts';
import type { World } from '../model/world.ts';
import { sayMapping } from './evidence.ts';
import { mappings, mappingsOf } from './ghosts/mappings.ts';
import type { Mapping } from './ghosts/table-mirror.ts';

interface Asked {
  readonly area: VmArea;
  readonly page: number;
  readonly count: number;
}

const RIGHTS = PRESENT | WRITABLE | NO_EXECUTE;

/** Judged on set_memory_*() of an area; what was split or merged on the way must have kept its rights. */
export const onlyAskedPagesChangeRights = invariant({
  name: 'only-asked-pages-change-rights',
  law: 'A request for part of an area changes the rights of the pages it names, of the aliases of their frames, and of no other page.',
  ghosts: [mappings],
  concerns: (world: World, { operation, taken }) =>
    operation.name.startsWith('set_memory_') &&
    'count' in taken &&
    'area' in taken &&
    mappingsOf(world).changed.length > 0,
  judgeStep(world: World, { taken }, violated) {
    const asked = taken as unknown as Asked;
    const frames = new Set(asked.area.frames.slice(asked.page, asked.page + asked.count));
    const { changed, gone } = mappingsOf(world);
    for (const [before, after] of pairsOf(gone, changed)) {
      if ((before.flags & RIGHTS) === (after.flags & RIGHTS)) continue;
      const smaller = before.level < after.level ? before : after;
      const isOwn = mappingsOf(world).aliasOf(smaller) === 'vmalloc';
      if (!(isOwn ? namesPage(asked, smaller) : coversFrames(frames, smaller)))
        violated(`${sayMapping(before)} became ${sayMapping(after)} unasked`);
    }
  },
});

function namesPage({ area, page, count }: Asked, leaf: Mapping): boolean {
  const first = area.firstPage + page;
  const end = first + Math.min(count, area.pageCount - page);
  return leaf.page >= first && leaf.page + pagesAtLevel(leaf.level) <= end;
}

/** An alias in the direct map, or in the kernel image for frames that boot gave back. */
function coversFrames(frames: ReadonlySet<number>, leaf: Mapping): boolean {
  const end = leaf.frame + pagesAtLevel(leaf.level);
  for (let frame = leaf.frame; frame < end; frame++) if (!frames.has(frame)) return false;
  return true;
}

/** Each leaf that went with each leaf that stands in its place now, the smaller inside the larger. */
function* pairsOf(gone: readonly Mapping[], changed: readonly Mapping[]): Generator<readonly [Mapping, Mapping]> {
  const before = byPage(gone);
  const after = byPage(changed);
  for (const leaf of changed) {
    const covering = coveringLeaf(before, leaf, leaf.level);
    if (covering !== undefined) yield [covering, leaf];
  }
  for (const leaf of gone) {
    const covering = coveringLeaf(after, leaf, leaf.level + 1);
    if (covering !== undefined) yield [leaf, covering];
  }
}

const byPage = (leaves: readonly Mapping[]): ReadonlyMap<number, Mapping> =>
  new Map(leaves.filter(({ space }) => space === 0).map((leaf) => [leaf.page, leaf]));

function coveringLeaf(leaves: ReadonlyMap<number, Mapping>, { page }: Mapping, from: number): Mapping | undefined {
  for (let level = from; level <= 3; level++) {
    const leaf = leaves.get(firstPageOf(page, level));
    if (leaf !== undefined && leaf.level === level) return leaf;
  }
  return undefined;
}
