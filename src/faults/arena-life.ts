import { type Fault, fault } from '../language/fault.ts';
import type { ArenaWorld } from '../model/arena-world.ts';

const HERE = { kernel: '6.18', suite: 'arena' } as const;

const crossingBeforeSize = fault<ArenaWorld>({
  ...HERE,
  name: 'crossing-checked-before-size',
  story: 'An arena that is too large and crosses a multiple of 4 GiB is answered with ERANGE.',
  breaks: 'creation-is-refused-in-order',
  source: 'plausible: two checks in the other order',
  plant({ arenas }) {
    const { refuses } = arenas;
    arenas.refuses = (attributes) => {
      const refused = refuses.call(arenas, attributes);
      return refused === '-E2BIG' && attributes.mapExtra !== 0n ? '-ERANGE' : refused;
    };
  },
});

const windowLeftBehind = fault<ArenaWorld>({
  ...HERE,
  name: 'window-left-behind',
  story: 'A destroyed arena leaves its entries in the kernel tables, over frames that others get.',
  breaks: 'destroyed-arenas-leave-nothing',
  source: 'plausible: free_vm_area() before the walk',
  plant({ arenas }) {
    const { newWindow } = arenas;
    arenas.newWindow = (first) => {
      const window = newWindow.call(arenas, first);
      window.clearAll = () => {};
      return window;
    };
  },
});

const bandEndsEarly = fault<ArenaWorld>({
  ...HERE,
  name: 'destruction-misses-last-pages',
  story: 'The walk of a destroyed arena ends sixteen pages before the end of the band: the pages there leak.',
  breaks: 'references-count-the-holders',
  source: 'the patch set of February 2024 walked KERN_VM_SZ - GUARD_SZ / 2 from the wrong start',
  plant({ arenas }) {
    const { newWindow } = arenas;
    arenas.newWindow = (first) => {
      const window = newWindow.call(arenas, first);
      window.freedEnd = () => 2 ** 20 - 16;
      return window;
    };
  },
});

const pagesNotCharged = fault<ArenaWorld>({
  ...HERE,
  name: 'pages-not-charged',
  story: 'Nobody pays for the pages of an arena.',
  breaks: 'creators-pay-for-pages',
  source: 'the patch set of February 2024, acknowledged in its review (seed question 2)',
  plant({ arenas }) {
    arenas.payerOf = () => undefined;
  },
});

const chargeLostInFaults = fault<ArenaWorld>({
  ...HERE,
  kernel: '7.0',
  name: 'charge-lost-in-faults',
  story: 'Pages that a touch of user space populates are not charged any more; those of programs are.',
  breaks: 'creators-pay-for-pages',
  source: 'e66fe1bc6d25 "bpf: arena: Reintroduce memcg accounting" (January 2026, 7.0)',
  plant({ arenas: { allocator }, references }) {
    const { place } = allocator;
    allocator.place = (arena, index) => {
      const { newPage } = allocator;
      allocator.newPage = () => references.allocate('arena')?.number;
      try {
        return place.call(allocator, arena, index);
      } finally {
        allocator.newPage = newPage;
      }
    };
  },
});

const memoryUsageUntold = fault<ArenaWorld>({
  ...HERE,
  kernel: '7.3',
  name: 'memory-usage-untold',
  story: 'fdinfo shows 0 for the memory of every arena.',
  breaks: 'fdinfo-counts-pages',
  source: '89318afb1414 (July 2026): map_mem_usage was a constant before',
  plant({ arenas }) {
    arenas.memoryUsage = () => 0;
  },
});

/** Bugs of creation and destruction, and of who pays for what lies between. */
export const arenaLifeFaults: readonly Fault<ArenaWorld>[] = [
  crossingBeforeSize,
  windowLeftBehind,
  bandEndsEarly,
  pagesNotCharged,
  chargeLostInFaults,
  memoryUsageUntold,
];
