import type { Domain, Happened } from '../../language/invariant.ts';
import { Frame } from '../../model/machine/frame.ts';
import { pagesAtLevel } from '../../model/machine/page-table.ts';
import type { World } from '../../model/world.ts';
import { type Held, heldBy, mappingsOf, newlyHeld } from '../ghosts/mappings.ts';

/** A frame that belongs to the page allocator, and the translations of it that CPUs hold. */
export interface FreeFrame {
  readonly frame: number;
  readonly held: readonly Held[];
}

/** Frames that were used and given back. A law over it needs the ghost `mappings`. */
export const freeFrames: Domain<World, FreeFrame> = {
  name: 'free frames',
  all: (world) => {
    const free = [...world.machine.memory.touchedFrames()].filter(isFree);
    const held = heldBy(world);
    return free.map(({ number }) => withHeld(held, number));
  },
  changed(world, happened) {
    const numbers = new Set<number>();
    for (const frame of happened.changes.of(Frame)) if (isFree(frame)) numbers.add(frame.number);
    addRemapped(world, numbers);
    addNewlyHeld(world, happened, numbers);
    if (numbers.size === 0) return NOTHING;
    const held = heldBy(world);
    return [...numbers].map((number) => withHeld(held, number));
  },
};

const NOTHING: readonly FreeFrame[] = [];

const isFree = ({ use }: Frame): boolean => use === 'free';

/** Free frames whose direct-map entry changed. */
function addRemapped(world: World, numbers: Set<number>): void {
  for (const { level, frame, page } of mappingsOf(world).changed) {
    if (level !== 1 || !world.directMap.has(page)) continue;
    if (isFree(world.machine.memory.frame(frame))) numbers.add(frame);
  }
}

function addNewlyHeld(world: World, happened: Happened, numbers: Set<number>): void {
  for (const { translation } of newlyHeld(world, happened)) {
    if (translation.level === 1 && isFree(world.machine.memory.frame(translation.frame)))
      numbers.add(translation.frame);
  }
}

function withHeld(all: readonly Held[], frame: number): FreeFrame {
  const held = all.filter(({ translation: { frame: first, level } }) => {
    return frame >= first && frame < first + pagesAtLevel(level);
  });
  return { frame, held };
}
