import { type Fault, fault } from '../language/fault.ts';
import type { ArenaWorld } from '../model/arena-world.ts';
import type { FreeRanges } from '../model/bpf/arena-free-ranges.ts';
import { RangeTree } from '../model/bpf/range-tree.ts';
import type { StampedRun } from '../model/bpf/run-set.ts';

const HERE = { kernel: '6.18', suite: 'arena' } as const;
const REVIEW =
  'defect caught in review of b8467290edab "bpf: arena: make arena kfuncs any context safe" (v1 to v8, 2025)';

/** Changes every book of free slots that the world makes from now on. */
function eachBook({ arenas }: ArenaWorld, change: (book: RangeTree) => void): void {
  const make = arenas.newFreeRanges;
  arenas.newFreeRanges = (slotCount): FreeRanges => {
    const book = make.call(arenas, slotCount);
    if (book instanceof RangeTree) change(book);
    return book;
  };
}

const splitLosesRightPart = fault<ArenaWorld>({
  ...HERE,
  name: 'split-loses-right-part',
  story: 'Cutting slots out of the middle of a free run drops the part behind the cut: neither free nor used.',
  breaks: 'only-reservations-reserve',
  alsoBreaks: ['reservations-only-take-slots', 'refused-calls-change-nothing', 'allocations-succeed-where-a-run-fits'],
  source: '3941710a504a, what a failed allocation of a node did (September 2026)',
  plant(world) {
    eachBook(world, (book) => {
      book.clear = (first, last) => {
        for (let run = book.runMeeting(first, last); run !== undefined; run = book.runMeeting(first, last)) {
          book.remove(run);
          if (run.first < first) book.insert(run.first, first - 1);
          else if (run.last > last) book.insert(last + 1, run.last);
        }
      };
    });
  },
});

const neighboursNotJoined = fault<ArenaWorld>({
  ...HERE,
  name: 'neighbours-not-joined',
  story: 'Freed slots become a run of their own beside the run that they touch.',
  breaks: 'free-runs-are-maximal-and-disjoint',
  source: 'plausible: range_tree_set() without its merges',
  plant(world) {
    eachBook(world, (book) => {
      book.set = (first, last) => {
        if (book.covers(first, last)) return;
        book.clear(first, last);
        book.insert(first, last);
      };
    });
  },
});

const sizeIndexForgotten = fault<ArenaWorld>({
  ...HERE,
  name: 'size-index-forgotten',
  story: 'A run that is taken out of the tree by address stays in the tree by size.',
  breaks: 'free-runs-are-maximal-and-disjoint',
  alsoBreaks: ['allocations-take-the-best-fit', 'only-reservations-reserve', 'allocations-populate-what-they-return'],
  source: 'plausible: range_it_remove() touches one of two trees',
  plant(world) {
    eachBook(world, (book) => {
      book.remove = (run: StampedRun) => book.byAddress.delete(run);
    });
  },
});

const firstFitInsteadOfBest = fault<ArenaWorld>({
  ...HERE,
  name: 'first-fit-instead-of-best',
  story: 'The lowest run that fits is taken instead of the smallest.',
  breaks: 'allocations-take-the-best-fit',
  source: 'the policy of 6.12 on a range tree',
  plant(world) {
    eachBook(world, (book) => {
      book.bestFit = (count) => {
        for (const run of book.byAddress.items()) if (run.last - run.first + 1 >= count) return run;
        return undefined;
      };
    });
  },
});

const oldestOfEqualRuns = fault<ArenaWorld>({
  ...HERE,
  name: 'oldest-of-equal-runs',
  story: 'Of runs of one size the one that was inserted first is taken.',
  breaks: 'allocations-take-the-best-fit',
  source: 'plausible: the search turns at equality',
  plant(world) {
    eachBook(world, (book) => {
      book.bestFit = (count) => {
        const best = RangeTree.prototype.bestFit.call(book, count);
        if (best === undefined) return undefined;
        const size = best.last - best.first;
        let oldest = best;
        for (const run of book.byAddress.items()) {
          if (run.last - run.first === size && run.stamp < oldest.stamp) oldest = run;
        }
        return oldest;
      };
    });
  },
});

const allocationNotRolledBack = fault<ArenaWorld>({
  ...HERE,
  name: 'allocation-not-rolled-back',
  story: 'An allocation that runs out of memory keeps the slots that it has claimed.',
  breaks: 'refused-calls-change-nothing',
  alsoBreaks: ['only-reservations-reserve'],
  source: REVIEW,
  plant({ arenas: { allocator } }) {
    allocator.rollBack = () => {};
  },
});

const rollBackAtWindowIndex = fault<ArenaWorld>({
  ...HERE,
  name: 'roll-back-at-window-index',
  story: 'The base is added once more when claimed slots are given back, so others become free.',
  breaks: 'refused-calls-change-nothing',
  alsoBreaks: ['free-slots-lie-inside-the-arena', 'only-reservations-reserve', 'free-slots-hold-no-page'],
  source: REVIEW,
  plant({ arenas: { allocator } }) {
    allocator.rollBack = (arena, slot, count, filled) =>
      arena.free.rollBack(slot + (arena.start32 >>> 12) + filled, count - filled);
  },
});

const bigRequestsFail = fault<ArenaWorld>({
  ...HERE,
  kernel: '7.0',
  name: 'big-requests-fail',
  story: 'The list of pages comes from an allocator of at most 8 KiB, so requests for more than 1,024 pages fail.',
  breaks: 'allocations-succeed-where-a-run-fits',
  source: REVIEW,
  plant({ arenas: { allocator } }) {
    const { accepts } = allocator;
    allocator.accepts = (arena, address, count) => count <= 1024 && accepts.call(allocator, arena, address, count);
  },
});

const oldContentsShown = fault<ArenaWorld>({
  ...HERE,
  name: 'old-contents-shown',
  story: 'New pages are not cleared: their last contents become visible.',
  breaks: 'new-pages-are-zero',
  source: 'plausible: __GFP_ZERO is lost on the way to alloc_pages_nolock()',
  plant({ arenas: { allocator }, machine: { memory } }) {
    const { newPage } = allocator;
    allocator.newPage = (arena) => {
      const frame = newPage.call(allocator, arena);
      if (frame !== undefined) memory.frame(frame).fillAll(0x6b);
      return frame;
    };
  },
});

const occupiedSlotsClaimed = fault<ArenaWorld>({
  ...HERE,
  name: 'occupied-slots-claimed',
  story: 'An allocation at an address does not ask whether all of its slots are free.',
  breaks: 'free-slots-hold-no-page',
  alsoBreaks: [
    'refused-calls-change-nothing',
    'references-count-the-holders',
    'allocations-populate-what-they-return',
    'users-see-the-kernels-page',
    'populated-matches-tables',
  ],
  source: 'plausible: is_range_tree_set() is left out',
  plant(world) {
    const { allocator } = world.arenas;
    allocator.claim = (arena, address, count) => {
      if (address === 0n) return arena.free.allocate(count, arena.userPages);
      const slot = arena.slotAt(address);
      (arena.free as RangeTree).clear(slot, slot + count - 1);
      return slot;
    };
  },
});

const unalignedReservationTakes = fault<ArenaWorld>({
  ...HERE,
  name: 'unaligned-reservation-takes',
  story: 'A reservation from inside a page takes the page.',
  breaks: 'reservations-only-take-slots',
  source: 'plausible: the address is rounded as for a free',
  plant({ arenas: { allocator } }) {
    const { reserve } = allocator;
    allocator.reserve = (arena, address, count) => reserve.call(allocator, arena, address & ~0xfffn, count);
  },
});

const reservedTwice = fault<ArenaWorld>({
  ...HERE,
  name: 'reserved-twice',
  story: 'A reservation succeeds over slots that are taken already.',
  breaks: 'reservations-only-take-slots',
  source: 'plausible: range_tree_clear() without the question before it, which succeeds on anything',
  plant({ arenas: { allocator } }) {
    allocator.reserve = (arena, address, count) => {
      if (count === 0 || (address & 0xfffn) !== 0n) return 0;
      const slot = arena.slotAt(address);
      if (slot + count > arena.userPages) return '-EINVAL';
      (arena.free as RangeTree).clear(slot, slot + count - 1);
      return 0;
    };
  },
});

const nodeNotChecked = fault<ArenaWorld>({
  ...HERE,
  kernel: '7.2',
  suite: 'arena-interleaving',
  name: 'node-not-checked',
  story: 'The node of an allocation reaches the page allocator as it is.',
  breaks: 'unknown-nodes-are-refused',
  source: '2845989f2eba "bpf: Validate node_id in arena_alloc_pages()" (7.1)',
  plant({ arenas: { allocator } }) {
    allocator.nodeExists = () => true;
  },
});

/** Bugs of allocation, reservation and the book of free slots. */
export const arenaPageFaults: readonly Fault<ArenaWorld>[] = [
  splitLosesRightPart,
  neighboursNotJoined,
  sizeIndexForgotten,
  firstFitInsteadOfBest,
  oldestOfEqualRuns,
  allocationNotRolledBack,
  rollBackAtWindowIndex,
  bigRequestsFail,
  oldContentsShown,
  occupiedSlotsClaimed,
  unalignedReservationTakes,
  reservedTwice,
  nodeNotChecked,
];
