import { type Fault, fault } from '../language/fault.ts';
import type { ArenaWorld } from '../model/arena-world.ts';

const HERE = { kernel: '6.18', suite: 'arena' } as const;

const crossingRangeAccepted = fault<ArenaWorld>({
  ...HERE,
  name: 'crossing-range-accepted',
  story: 'A mapping across a multiple of 4 GiB is not moved up, so two of its pages can have one low half.',
  breaks: 'the-user-range-is-one-window',
  source: 'v1 of the arena patches, as told on 8 February 2024',
  plant({ arenas: { userSide } }) {
    userSide.crossesWindow = () => false;
  },
});

const forkCopiesArea = fault<ArenaWorld>({
  ...HERE,
  name: 'fork-copies-area',
  story: 'A child gets a copy of the area that shares its record; frees never reach the child.',
  breaks: 'records-name-live-areas',
  source: '4fddde2a732d "bpf: Fix use-after-free in arena_vm_close on fork" (7.1)',
  plant({ arenas: { userSide } }) {
    const { map } = userSide;
    userSide.map = (arena, mapping, area) => {
      const refused = map.call(userSide, arena, mapping, area);
      if (refused === undefined) area.change({ dontCopy: false });
      return refused;
    };
  },
});

const areaMaySplit = fault<ArenaWorld>({
  ...HERE,
  name: 'area-may-split',
  story: 'A part of the mapping can be unmapped or protected; the record then names one part, or none.',
  breaks: 'records-name-live-areas',
  alsoBreaks: ['areas-are-whole'],
  source: '4fddde2a732d "bpf: Fix use-after-free in arena_vm_close on fork" (7.1)',
  plant({ arenas: { userSide } }) {
    userSide.maySplit = () => true;
  },
});

const recordOutlivesArea = fault<ArenaWorld>({
  ...HERE,
  name: 'record-outlives-area',
  story: 'Closing an area counts down one number for the whole arena, which every mmap() sets back to one.',
  breaks: 'records-name-live-areas',
  source: 'first version of b90d77e5fd78 "bpf: Fix remap of arena.", review of 17 June 2024',
  plant({ arenas: { userSide } }) {
    const { closed } = userSide;
    userSide.closed = (arena, area) => {
      if (arena.records.length === 1) closed.call(userSide, arena, area);
    };
  },
});

const rangeForgottenAtUnmap = fault<ArenaWorld>({
  ...HERE,
  name: 'range-forgotten-at-unmap',
  story: 'The last munmap() makes the arena forget its address, though programs were compiled with it.',
  breaks: 'the-user-range-is-fixed-once',
  alsoBreaks: ['programs-know-their-arena'],
  source: 'plausible: user_vm_start is reset in arena_vm_close()',
  plant({ arenas: { userSide } }) {
    const { closed } = userSide;
    userSide.closed = (arena, area) => {
      closed.call(userSide, arena, area);
      if (arena.records.length > 0) return;
      arena.set('userStart', 0n);
      arena.set('userEnd', 0n);
    };
  },
});

const pageWithoutReference = fault<ArenaWorld>({
  ...HERE,
  name: 'page-without-reference',
  story: 'The fault handler hands a page out without a reference for the new entry.',
  breaks: 'references-count-the-holders',
  source: 'page_ref_add() after the unlock, a defect caught in review of b8467290edab (2025)',
  plant({ arenas: { userSide } }) {
    userSide.share = (frame) => ({ frame });
  },
});

const flagOfFaultIgnored = fault<ArenaWorld>({
  ...HERE,
  name: 'segv-on-fault-ignored',
  story: 'A touch populates an arena that asked for a signal.',
  breaks: 'flagged-arenas-are-never-faulted-in',
  source: 'plausible: the test of the flag is lost',
  plant({ arenas: { userSide } }) {
    userSide.mustNotPopulate = () => false;
  },
});

const faultInByOffset = fault<ArenaWorld>({
  ...HERE,
  name: 'fault-in-by-offset',
  story: 'The fault handler looks for the page by its place in the mapping, and not by the low half of its address.',
  breaks: 'users-see-the-kernels-page',
  alsoBreaks: ['free-slots-hold-no-page', 'only-reservations-reserve'],
  source: 'plausible: kern_vm_start + pgoff * PAGE_SIZE',
  plant({ arenas: { userSide } }) {
    userSide.indexOf = (arena, page) => page - Number(arena.userStart >> 12n);
  },
});

const closeUnlinksNeighbour = fault<ArenaWorld>({
  ...HERE,
  name: 'close-unlinks-neighbour',
  story: 'Two processes unmap at once without a lock, and the list loses the record of the wrong one.',
  breaks: 'records-name-live-areas',
  source: 'v1 of the arena patches: arena_vm_close() took no mutex (8 February 2024)',
  plant({ arenas: { userSide } }) {
    const { closed } = userSide;
    userSide.closed = (arena, area) => {
      const [first] = arena.records.items;
      closed.call(userSide, arena, first?.area ?? area);
    };
  },
});

const searchErrorIsAddress = fault<ArenaWorld>({
  ...HERE,
  name: 'search-error-is-address',
  story: 'Where no address is found for a mapping, 0 is answered instead of the error.',
  breaks: 'mappings-without-address-are-refused',
  source: 'v2 of the arena patches, review of 12 February 2024',
  plant({ arenas: { userSide } }) {
    userSide.noAddress = () => 0n;
  },
});

const lockKeptByRefusedFault = fault<ArenaWorld>({
  ...HERE,
  kernel: '7.0',
  name: 'lock-kept-by-refused-fault',
  story: 'The fault handler answers SIGSEGV without letting go of the lock: the next fault waits for ever.',
  breaks: 'arena-locks-are-let-go',
  source: 'defect caught in review of b8467290edab "bpf: arena: make arena kfuncs any context safe" (2025)',
  plant({ arenas: { userSide } }) {
    const { unlock } = userSide;
    userSide.unlock = (arena, answer) => {
      if (answer !== 'SIGSEGV') unlock.call(userSide, arena, answer);
    };
  },
});

const reclaimNeverTried = fault<ArenaWorld>({
  ...HERE,
  kernel: '7.3',
  suite: 'arena-interleaving',
  name: 'reclaim-never-tried',
  story: 'A fault that finds no page kills the process, where reclaim would have found one.',
  breaks: 'faults-tell-what-was-lacking',
  source: 'fault handling under the spinlock with an allocator that cannot reclaim, to 7.2',
  plant({ arenas: { userSide } }) {
    userSide.withoutMemory = () => 'SIGSEGV';
  },
});

/** Bugs of mappings and of faults. */
export const arenaUserFaults: readonly Fault<ArenaWorld>[] = [
  crossingRangeAccepted,
  forkCopiesArea,
  areaMaySplit,
  recordOutlivesArea,
  closeUnlinksNeighbour,
  rangeForgottenAtUnmap,
  searchErrorIsAddress,
  pageWithoutReference,
  flagOfFaultIgnored,
  lockKeptByRefusedFault,
  reclaimNeverTried,
  faultInByOffset,
];
