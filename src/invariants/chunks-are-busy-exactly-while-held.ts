import { invariant } from '../language/invariant.ts';
import { describeText } from '../model/kernel/text-address.ts';
import type { World } from '../model/world.ts';
import { dispatcherTable } from './ghosts/dispatcher-table.ts';
import type { TextBlock } from './ghosts/text-blocks.ts';
import { textOwners } from './ghosts/text-owners.ts';

/** The number of set bits is the sum of all holders' chunks, and each bit stands where its holder is: nothing lost, nothing double. */
export const chunksAreBusyExactlyWhileHeld = invariant<World>({
  name: 'chunks-are-busy-exactly-while-held',
  law: 'A chunk of a pack is marked as used exactly while an allocation holds it.',
  ghosts: [dispatcherTable, textOwners],
  judge(world, violated) {
    const account = textOwners.of(world);
    for (const { address, chunks } of world.text.packs.packs.items) {
      const block = account.blockAt(address);
      const held = block === undefined || block.address !== address ? [] : mergedRuns(block);
      let index = 0;
      for (let first = chunks.nextSet(0); first < chunks.length; index++) {
        const past = chunks.nextClear(first);
        const run = held[index];
        if (run === undefined || run[0] !== first || run[1] !== past) {
          const owned = run === undefined ? 'nothing more' : `${run[0]} to ${run[1] - 1}`;
          violated(
            `in the pack at ${describeText(address)} chunks ${first} to ${past - 1} are marked, held is ${owned}`,
          );
          break;
        }
        first = chunks.nextSet(past);
      }
      if (index < held.length && chunks.nextSet(held[index]![0]) >= held[index]![1]) {
        const [first, past] = held[index]!;
        violated(`in the pack at ${describeText(address)} chunks ${first} to ${past - 1} are held but not marked`);
      }
    }
  },
});

/** Held chunks as [first, past), neighbours joined as a bitmap shows them. */
function mergedRuns({ runs }: TextBlock): readonly (readonly [number, number])[] {
  const merged: [number, number][] = [];
  for (const { first, count } of runs.items) {
    const previous = merged.at(-1);
    if (previous !== undefined && previous[1] === first) previous[1] = first + count;
    else merged.push([first, first + count]);
  }
  return merged;
}
