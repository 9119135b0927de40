import { type Range, type RangeSnapshot, rangesIn } from '../base/range-tree.ts';
import { invariant } from '../language/invariant.ts';
import { Refusal } from '../language/operation.ts';
import { extentOf } from '../model/kernel/shared-text.ts';
import { describeText } from '../model/kernel/text-address.ts';
import type { World } from '../model/world.ts';

/**
 * A block that was made on the way may stay: it is free, and the next request finds it. And text that was had and given back on
 * the way may take a block with it that is no longer needed.
 */
export const refusedRequestsTakeNothing = invariant<World>({
  name: 'refused-requests-take-nothing',
  law: 'A step that the kernel refuses leaves every busy range as it was, and everything free still free.',
  concerns: (_, { returned }) => returned instanceof Refusal,
  judgeStep({ sharing: { shared } }, { changes }, violated) {
    const before = new Map<object, RangeSnapshot<Range>>();
    changes.each((owner, key, old) => {
      const isTree = owner === shared.busy || owner === shared.free;
      if (isTree && key === 'snapshot' && !before.has(owner)) before.set(owner, old as RangeSnapshot<Range>);
    });
    if (before.has(shared.busy)) {
      const was = [...rangesIn(before.get(shared.busy))];
      const is = [...shared.busy];
      if (was.length !== is.length) violated(`${was.length} ranges were busy before, ${is.length} are now`);
    }
    if (!before.has(shared.free)) return;
    const memory = [...shared.blocks.items.map(extentOf), ...(shared.tail === undefined ? [] : [shared.tail])];
    for (const free of rangesIn(before.get(shared.free))) {
      for (const block of memory) {
        const start = Math.max(free.start, block.start);
        const end = Math.min(free.end, block.end);
        const now = shared.free.at(start);
        if (start >= end || (now !== undefined && now.end >= end)) continue;
        violated(`${end - start} free bytes at ${describeText(start)} are gone`);
      }
    }
  },
});
