import { type Fault, fault } from '../language/fault.ts';
import type { ArenaWorld } from '../model/arena-world.ts';

const HERE = { kernel: '6.18', suite: 'arena' } as const;
const REVIEW =
  'defect caught in review of b8467290edab "bpf: arena: make arena kfuncs any context safe" (v1 to v8, 2025)';

const freeBelowBaseUnderflows = fault<ArenaWorld>({
  ...HERE,
  kernel: '7.2',
  name: 'free-below-base-underflows',
  story: 'A free below the base of the arena puts slots far above its end into the free set.',
  breaks: 'free-slots-lie-inside-the-arena',
  alsoBreaks: ['frees-stay-inside-the-arena', 'only-reservations-reserve', 'free-slots-hold-no-page'],
  source: 'b5a71cb2db6d "bpf: Reject arena frees below the arena base" (19 July 2026)',
  plant({ arenas: { frees } }) {
    frees.ignoresBelowBase = () => false;
  },
});

const singlePageNotZapped = fault<ArenaWorld>({
  ...HERE,
  name: 'single-page-not-zapped',
  story: 'The free of one page thinks that no user maps it: the user keeps the page.',
  breaks: 'users-see-the-kernels-page',
  alsoBreaks: ['freed-pages-are-gone'],
  source: 'a2fb3434cf9c: page_mapped() no longer tells once mappings are VM_MIXEDMAP (2026)',
  plant({ arenas: { frees } }) {
    frees.looksMapped = () => false;
  },
});

const usersNeverZapped = fault<ArenaWorld>({
  ...HERE,
  name: 'users-never-zapped',
  story: 'A free clears the entries of the kernel and none of any user.',
  breaks: 'users-see-the-kernels-page',
  alsoBreaks: ['freed-pages-are-gone'],
  source: 'plausible: zap_pages() is left out',
  plant({ arenas: { frees } }) {
    frees.zap = () => {};
  },
});

const onlyFirstMappingZapped = fault<ArenaWorld>({
  ...HERE,
  name: 'only-first-mapping-zapped',
  story: 'The zap of a free visits the first mapping of the list and no other process.',
  breaks: 'users-see-the-kernels-page',
  alsoBreaks: ['freed-pages-are-gone'],
  source: 'plausible: list_first_entry() for list_for_each_entry()',
  plant({ arenas: { frees } }) {
    frees.zap = ({ arena, userPage, count }) => {
      const area = arena.records.items[0]?.area;
      if (area !== undefined) area.process.zap(Math.max(userPage, area.first), Math.min(userPage + count, area.end));
    };
  },
});

const workerZapsElsewhere = fault<ArenaWorld>({
  ...HERE,
  kernel: '7.0',
  name: 'worker-zaps-elsewhere',
  story: 'The worker adds the low half of an address to the start of the arena instead of to its upper half.',
  breaks: 'users-see-the-kernels-page',
  source: REVIEW,
  plant({ arenas: { frees } }) {
    frees.zapSpan = (span) => frees.zap({ ...span, userPage: Number(span.arena.userStart >> 12n) + span.index });
  },
});

const queuedFreeRunsAtOnce = fault<ArenaWorld>({
  ...HERE,
  kernel: '7.0',
  suite: 'arena-interleaving',
  name: 'queued-free-runs-at-once',
  story: 'A free from a call site that must not sleep zaps user memory there and then.',
  breaks: 'queued-frees-wait',
  source: 'plausible: the sleepable flag is not handed on',
  plant({ arenas: { frees } }) {
    frees.defer = (range) => frees.finish(frees.begin(range));
  },
});

const kernelEntryNotFlushed = fault<ArenaWorld>({
  ...HERE,
  name: 'kernel-entry-not-flushed',
  story: 'A free clears the entries of the window without a flush: a program goes on writing to the freed page.',
  breaks: 'no-cpu-keeps-a-freed-page',
  alsoBreaks: [
    'loads-tell-the-page',
    'stores-reach-their-page-alone',
    'new-pages-are-zero',
    'user-reads-tell-the-page',
  ],
  source: 'plausible: flush_tlb_kernel_range() is lost where the lock was split',
  plant({ arenas }) {
    const { newWindow } = arenas;
    arenas.newWindow = (first) => {
      const window = newWindow.call(arenas, first);
      window.flush = () => {};
      return window;
    };
  },
});

const freeNotClamped = fault<ArenaWorld>({
  ...HERE,
  name: 'free-not-clamped',
  story: 'A free that reaches past the end of the arena is not cut there.',
  breaks: 'free-slots-lie-inside-the-arena',
  alsoBreaks: ['frees-stay-inside-the-arena', 'only-reservations-reserve'],
  source: 'plausible: min() with user_vm_end is left out',
  plant({ arenas: { frees } }) {
    const { rangeToFree } = frees;
    frees.rangeToFree = (arena, address, count) => {
      const range = rangeToFree.call(frees, arena, address, count);
      return range && { ...range, count: Math.min(count, 2 ** 20 - range.index) };
    };
  },
});

const freeRoundsUp = fault<ArenaWorld>({
  ...HERE,
  name: 'free-rounds-up',
  story: 'A free from inside a page begins with the next one.',
  breaks: 'freed-pages-are-gone',
  alsoBreaks: ['frees-stay-inside-the-arena', 'free-slots-lie-inside-the-arena'],
  source: 'plausible: PAGE_ALIGN for PAGE_MASK',
  plant({ arenas: { frees } }) {
    const { rangeToFree } = frees;
    frees.rangeToFree = (arena, address, count) =>
      rangeToFree.call(frees, arena, (address & 0xfffn) === 0n ? address : address + 0xfffn, count);
  },
});

const slotsStayTaken = fault<ArenaWorld>({
  ...HERE,
  name: 'slots-stay-taken',
  story: 'A free releases the pages and forgets to mark their slots free.',
  breaks: 'freed-pages-are-gone',
  alsoBreaks: ['only-reservations-reserve'],
  source: 'plausible: range_tree_set() is left out, or its error ignored (F28)',
  plant({ arenas: { frees } }) {
    frees.markFree = () => {};
  },
});

const pageFreedTwice = fault<ArenaWorld>({
  ...HERE,
  kernel: '7.0',
  name: 'page-leaked-by-free',
  story: 'The last stage of a free forgets the reference of the first page.',
  breaks: 'references-count-the-holders',
  source: 'plausible: the list of freed pages loses its head',
  plant({ arenas: { frees } }) {
    const { release } = frees;
    frees.release = (inFlight) => {
      const [, ...rest] = inFlight.frames;
      release.call(frees, { ...inFlight, frames: rest });
      inFlight.stage = 'done';
    };
  },
});

const zapWithoutLookup = fault<ArenaWorld>({
  ...HERE,
  kernel: '7.2',
  suite: 'arena-interleaving',
  name: 'zap-without-lookup',
  story: 'The zap of a free walks an area that another process has unmapped in the meantime.',
  breaks: 'zaps-walk-areas-that-stand',
  source: '80b89d0226a0 "bpf: Take mmap_lock in zap_pages()" (7.2, CVE-2026-74354)',
  plant({ arenas: { frees } }) {
    frees.isFoundAgain = () => true;
  },
});

/** Bugs of bpf_arena_free_pages(), its stages and its worker. */
export const arenaFreeFaults: readonly Fault<ArenaWorld>[] = [
  freeBelowBaseUnderflows,
  singlePageNotZapped,
  usersNeverZapped,
  onlyFirstMappingZapped,
  workerZapsElsewhere,
  queuedFreeRunsAtOnce,
  kernelEntryNotFlushed,
  freeNotClamped,
  freeRoundsUp,
  slotsStayTaken,
  pageFreedTwice,
  zapWithoutLookup,
];
