import { invariant } from '../language/invariant.ts';
import { pageOfText, textAddress } from '../model/kernel/text-address.ts';
import { Frame } from '../model/machine/frame.ts';
import type { World } from '../model/world.ts';
import { dispatcherTable } from './ghosts/dispatcher-table.ts';

const PAGE = 4096;

/** Text is poked piece by piece, so a CPU inside would run half of the old code and half of the new. */
export const theRewrittenHalfIsOutOfReach = invariant<World>({
  name: 'the-rewritten-half-is-out-of-reach',
  law: 'A half of the dispatcher’s image is rewritten only while it is not published and nobody is inside.',
  ghosts: [dispatcherTable],
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
  // In a pack the image begins anywhere in a page, and so reaches into the next one.
  const addresses = new Map<number, number>();
  for (const page of [pageOfText(image), pageOfText(image + PAGE - 1)]) {
    const there = world.machine.kernelTables.translate(page);
    if (there !== undefined) addresses.set(there.frame, textAddress(page));
  }
  const halves = new Set<0 | 1>();
  changes.each((owner, key) => {
    if (!(owner instanceof Frame) || typeof key !== 'number') return;
    const address = addresses.get(owner.number);
    if (address === undefined) return;
    const offset = address + key - image;
    if (offset >= 0 && offset < PAGE) halves.add(offset < PAGE / 2 ? 0 : 1);
  });
  return halves;
}
