import { JournaledArray } from '../../base/journal.ts';
import type { Domain, Happened } from '../../language/invariant.ts';
import { Frame } from '../../model/machine/frame.ts';
import type { World } from '../../model/world.ts';
import { mappingsOf } from '../ghosts/mappings.ts';
import { type Held, heldBy, newlyHeld } from './held-index.ts';
import { endsBoot } from './leaves.ts';

/**
 * Translations that CPUs hold. In question are those cached in a step, and those whose pages or frames lie near a mapping that
 * it changed or a frame that it freed (in the same 2 MiB, which costs less to know than exactly). The end of boot, and a change
 * of which areas rest unflushed, put all of them in question. A law over it needs the ghost `mappings`.
 */
export const heldTranslations: Domain<World, Held> = {
  name: 'held translations',
  all: heldBy,
  changed(world, happened) {
    const lazyChanged = happened.changes.of(JournaledArray).includes(world.vmapAreas.lazy);
    const held = heldBy(world);
    if (lazyChanged || endsBoot(happened) || held.length === 0) return held;
    const { pages, frames } = piecesChanged(world, happened);
    if (frames.size === 0) return newlyHeld(world, happened);
    const fresh = new Set(newlyHeld(world, happened).map(({ translation }) => translation));
    return held.filter(({ translation }) => {
      if (translation.level === 3 || fresh.has(translation)) return true;
      return pages.has(Math.floor(translation.firstPage / 512)) || frames.has(translation.frame >>> 9);
    });
  },
};

/** The 2 MiB of addresses, and of memory, in which a step changed a mapping or freed a frame. */
function piecesChanged(
  world: World,
  { changes }: Happened,
): { readonly pages: ReadonlySet<number>; readonly frames: ReadonlySet<number> } {
  const pages = new Set<number>();
  const frames = new Set<number>();
  const { changed, gone } = mappingsOf(world);
  for (const mappings of [changed, gone]) {
    for (const { page, frame, level } of mappings) {
      addPieces(pages, page, level);
      addPieces(frames, frame, level);
    }
  }
  for (const { use, number } of changes.of(Frame)) if (use === 'free') frames.add(number >>> 9);
  return { pages, frames };
}

/** Adds the numbers of the 2 MiB pieces that a run of pages or frames touches. */
function addPieces(pieces: Set<number>, first: number, level: number): void {
  const piece = Math.floor(first / 512);
  if (level < 3) pieces.add(piece);
  else for (let index = 0; index < 512; index++) pieces.add(piece + index);
}
