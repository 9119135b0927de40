import type { Range } from '../base/range-tree.ts';
import { invariant } from '../language/invariant.ts';
import { extentOf } from '../model/kernel/shared-text.ts';
import { describeText } from '../model/kernel/text-address.ts';
import type { World } from '../model/world.ts';

/** Nothing is lost between a free and the next request, nothing is in two places, and nothing lies outside the memory behind it. */
export const sharedTextIsAllAccountedFor = invariant<World>({
  name: 'shared-text-is-all-accounted-for',
  law: 'Every byte of the memory behind a shared allocator is either busy or free, and no byte is both.',
  judge({ sharing: { shared } }, violated) {
    const ranges = [...shared.busy, ...shared.free].sort(byStart);
    const due = joined([...shared.blocks.items.map(extentOf), ...(shared.tail === undefined ? [] : [shared.tail])]);
    let end = Number.NEGATIVE_INFINITY;
    for (const range of ranges) {
      if (range.start < end) violated(`${sayRange(range)} begins before ${describeText(end)}, where another ends`);
      end = Math.max(end, range.end);
    }
    const found = joined(ranges);
    for (const range of found) {
      if (!due.some(({ start, end: past }) => start <= range.start && range.end <= past)) {
        violated(`${sayRange(range)} reaches out of the memory behind it`);
      }
    }
    for (const range of due) {
      if (!found.some(({ start, end: past }) => start <= range.start && range.end <= past)) {
        violated(`some of ${sayRange(range)} is neither busy nor free`);
      }
    }
  },
});

const byStart = (left: Range, right: Range): number => left.start - right.start;

const sayRange = ({ start, end }: Range): string => `the text from ${describeText(start)} to ${describeText(end)}`;

/** Ranges in order, those that touch made one. */
function joined(ranges: readonly Range[]): readonly Range[] {
  const result: { start: number; end: number }[] = [];
  for (const { start, end } of ranges.toSorted(byStart)) {
    const last = result.at(-1);
    if (last !== undefined && last.end >= start) last.end = Math.max(last.end, end);
    else result.push({ start, end });
  }
  return result;
}
