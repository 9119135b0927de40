import type { Domain } from '../../language/invariant.ts';
import type { ArenaWorld } from '../../model/arena-world.ts';
import type { Arena } from '../../model/bpf/arena.ts';
import type { TouchedRun, TouchedSlots } from '../ghosts/arena-book-changes.ts';
import { freeRunsOf } from '../ghosts/arena-free-runs.ts';
import { ledgerOf, type TouchedEntry, type TouchedPage } from '../ghosts/arena-ledger.ts';

/** Free runs of every arena. Laws over these domains need the ghost `arena-ledger`. */
export const freeRuns: Domain<ArenaWorld, TouchedRun> = {
  name: 'free runs of arenas',
  *all({ arenas }) {
    for (const { arena } of arenas.live) for (const run of freeRunsOf(arena).items()) yield { arena, run };
  },
  changed: (world) => ledgerOf(world).books.standing,
};

/** Slots of every arena, in runs. */
export const arenaSlots: Domain<ArenaWorld, TouchedSlots> = {
  name: 'slots of arenas',
  all: ({ arenas }) => arenas.live.map(({ arena }) => ({ arena, first: 0, last: 2 ** 20 - 1 })),
  changed: (world) => ledgerOf(world).slots,
};

/** Frames that arenas or their users hold. */
export const heldFrames: Domain<ArenaWorld, number> = {
  name: 'frames of arenas',
  all: (world) => ledgerOf(world).holders.frames(),
  changed: (world) => ledgerOf(world).frames,
};

/** User pages of every process. */
export const userPages: Domain<ArenaWorld, TouchedPage> = {
  name: 'user pages',
  all: (world) => ledgerOf(world).userPages(),
  changed: (world) => ledgerOf(world).pages,
};

/** Every live arena; all of them where a step changed one as a whole, for there are few. */
export const arenas: Domain<ArenaWorld, Arena> = {
  name: 'arenas',
  all: (world) => world.arenas.live.map(({ arena }) => arena),
  changed: (world) => (ledgerOf(world).arenasChanged ? world.arenas.live.map(({ arena }) => arena) : NONE),
};

/** Entries of the kernel windows of live arenas. */
export const kernelEntries: Domain<ArenaWorld, TouchedEntry> = {
  name: 'kernel entries of arenas',
  all: (world) => ledgerOf(world).kernelEntries(),
  changed: (world) => ledgerOf(world).entries,
};

const NONE: readonly Arena[] = [];
