import type { Domain, Happened } from '../../language/invariant.ts';
import { Frame } from '../../model/machine/frame.ts';
import { pagesAtLevel } from '../../model/machine/page-table.ts';
import type { World } from '../../model/world.ts';
import { mappingsOf } from '../ghosts/mappings.ts';
import { type Held, heldMeeting, newlyHeld } from './held-index.ts';

/** A frame that belongs to the page allocator, and the translations of it that CPUs hold. */
export interface FreeFrame {
  readonly frame: number;
  readonly held: readonly Held[];
}

/** Frames that were used and given back. A law over it needs the ghost `mappings`. */
export const freeFrames: Domain<World, FreeFrame> = {
  name: 'free frames',
  all: (world) => {
    const { memory } = world.machine;
    return memory.returnedIn(0, memory.frameCount).map((number) => withHeld(world, number));
  },
  changed(world, happened) {
    const numbers = new Set<number>();
    for (const { use, number } of happened.changes.of(Frame)) if (use === 'free') numbers.add(number);
    addRemapped(world, numbers);
    addNewlyHeld(world, happened, numbers);
    return numbers.size === 0 ? NOTHING : [...numbers].map((number) => withHeld(world, number));
  },
};

const NOTHING: readonly FreeFrame[] = [];

/** Free frames to which an entry leads now, or no longer does. */
function addRemapped(world: World, numbers: Set<number>): void {
  const { changed, gone } = mappingsOf(world);
  for (const mapping of changed) addFreeIn(world, mapping, numbers);
  for (const mapping of gone) addFreeIn(world, mapping, numbers);
}

function addNewlyHeld(world: World, happened: Happened, numbers: Set<number>): void {
  for (const { translation } of newlyHeld(world, happened)) addFreeIn(world, translation, numbers);
}

function addFreeIn({ machine: { memory } }: World, { frame, level }: FrameRun, numbers: Set<number>): void {
  if (level > 1) for (const number of memory.returnedIn(frame, frame + pagesAtLevel(level))) numbers.add(number);
  else if (memory.isReturned(frame)) numbers.add(frame);
}

/** The frames behind a leaf. */
interface FrameRun {
  readonly frame: number;
  readonly level: number;
}

const withHeld = (world: World, frame: number): FreeFrame => ({
  frame,
  held: heldMeeting(world, { frame, level: 1 }),
});
