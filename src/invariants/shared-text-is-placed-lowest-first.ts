import { type Range, type RangeSnapshot, rangesIn } from '../base/range-tree.ts';
import { invariant } from '../language/invariant.ts';
import { describeText, type TextAddress } from '../model/kernel/text-address.ts';
import type { World } from '../model/world.ts';
import { sharedTextAccount } from './ghosts/shared-text-account.ts';

/** First fit by address, in what was free before the step; a request that nothing served lies as low as its new block allows.
 * A request inside which an allocation failed may have passed over what it could not cut. */
export const sharedTextIsPlacedLowestFirst = invariant<World>({
  name: 'shared-text-is-placed-lowest-first',
  law: 'A request gets the lowest free text that fits at its alignment.',
  ghosts: [sharedTextAccount],
  concerns: (world) => world.failing.failed === undefined && isShared(world),
  judgeStep(world, { taken, changes }, violated) {
    const { claimed, newBlocks } = sharedTextAccount.of(world).last;
    if (claimed === undefined) return;
    const { shared, profile } = world.sharing;
    let before: Iterable<Range> = shared.free;
    let isKnown = false;
    changes.each((owner, key, old) => {
      if (isKnown || owner !== shared.free || key !== 'snapshot') return;
      before = rangesIn(old as RangeSnapshot<Range>);
      isKnown = true;
    });
    const fresh = newBlocks.map(({ address, end }) => ({ start: address, end }));
    const align = alignmentOf(profile.kind, taken);
    const lowest = lowestFit([...before, ...fresh], claimed.size, align);
    if (lowest !== undefined && lowest !== claimed.address) {
      violated(`${claimed.size} bytes went to ${describeText(claimed.address)}, but fit at ${describeText(lowest)}`);
    }
  },
});

function isShared(world: World): boolean {
  const { claimed } = sharedTextAccount.of(world).last;
  return claimed !== undefined && sharedTextAccount.of(world).blockAt(claimed.address) !== undefined;
}

/** Programs ask for 64, callers of execmem_alloc() say what they want, the cache knows pages only. */
function alignmentOf(kind: string, taken: Readonly<Record<string, unknown>>): number {
  if (kind === 'core') return 4096;
  const { align, size } = taken;
  return size !== undefined && typeof align === 'number' ? align : 64;
}

function lowestFit(ranges: readonly Range[], size: number, align: number): TextAddress | undefined {
  let current: { start: number; end: number } | undefined;
  const lowestIn = (range: Range | undefined): number | undefined => {
    const at = range === undefined ? 0 : Math.ceil(range.start / align) * align;
    return range !== undefined && at + size <= range.end ? at : undefined;
  };
  for (const { start, end } of ranges.toSorted((left, right) => left.start - right.start)) {
    if (current?.end === start) {
      current = { start: current.start, end };
      continue;
    }
    const found = lowestIn(current);
    if (found !== undefined) return found;
    current = { start, end };
  }
  return lowestIn(current);
}
