import { invariant } from '../language/invariant.ts';
import { Frame } from '../model/machine/frame.ts';
import type { World } from '../model/world.ts';
import { dispatcherTable } from './ghosts/dispatcher-table.ts';
import { textOwners } from './ghosts/text-owners.ts';

const PAGE = 4096;

/** Text is poked piece by piece, so a CPU inside would run half of the old code and half of the new. */
export const theRewrittenHalfIsOutOfReach = invariant<World>({
  name: 'the-rewritten-half-is-out-of-reach',
  law: 'A half of the dispatcher’s image is rewritten only while it is not published and nobody is inside.',
  ghosts: [dispatcherTable, textOwners],
  concerns: (world) => {
    const { due, imageAppeared } = dispatcherTable.of(world);
    return due !== undefined && !imageAppeared;
  },
  judgeStep(world, happened, violated) {
    const table = dispatcherTable.of(world);
    for (const half of writtenHalves(world, happened.changes)) {
      if (table.targetBefore === half) violated(`half ${half} is written while it is published`);
      const inside = [...table.readers.values()].filter((target) => target === half).length;
      if (inside > 0) violated(`half ${half} is written while ${inside} reader(s) are inside`);
    }
  },
});

/** The halves of the image in which the step changed bytes, whatever it was due to change. */
function writtenHalves(
  world: World,
  changes: { each(visit: (owner: object, key: unknown) => void): void },
): Set<0 | 1> {
  const image = world.text.dispatcher.image!;
  const block = textOwners.of(world).blockAt(image);
  const halves = new Set<0 | 1>();
  changes.each((owner, key) => {
    if (!(owner instanceof Frame) || typeof key !== 'number') return;
    const page = block?.pageOfFrame.get(owner.number);
    if (block === undefined || page === undefined) return;
    const offset = block.address + page * PAGE + key - image;
    if (offset >= 0 && offset < PAGE) halves.add(offset < PAGE / 2 ? 0 : 1);
  });
  return halves;
}
