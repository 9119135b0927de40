import { SIZE_2M } from '../base/page.ts';
import { type Fault, fault } from '../language/fault.ts';
import { pageOfText } from '../model/kernel/text-address.ts';
import type { World } from '../model/world.ts';

const SUITE = { suite: 'rox-cache' } as const;
const REPAIRED = { ...SUITE, kernel: 'execmem-repaired' } as const;
const V6_17 = { ...SUITE, kernel: '6.17' } as const;
const FIRST = { ...SUITE, kernel: '6.13-rc' } as const;

const interiorFreeTrapsTheNeighbour = fault<World>({
  ...V6_17,
  name: 'interior-free-traps-the-neighbour',
  story: 'A free through an interior pointer fills as many bytes as the chunk has, from the pointer on.',
  breaks: 'right-steps-raise-no-alarm',
  alsoBreaks: ['shared-text-holds-only-what-its-owner-wrote', 'free-shared-text-is-filler'],
  source: 'execmem_free() of v5, 2022-11-28, and execmem_cache_free() up to 6.16 (derived)',
  plant({ sharing: { cache } }) {
    cache.trapped = ({ start, end }, address) => ({ start: address, end: address + (end - start) });
  },
});

const copyUsedAfterItsEnd = fault<World>({
  ...FIRST,
  name: 'copy-used-after-its-end',
  story: 'A livepatch relocates a formed module through the copy in which it was built, which is freed.',
  breaks: 'right-steps-raise-no-alarm',
  alsoBreaks: ['shared-text-holds-only-what-its-owner-wrote'],
  source: '"ROX allocations broke livepatch for modules since 6.13-rc1", M. Maslanka, 2024-12-30',
  plant({ sharing: { modules } }) {
    modules.relocatesInCopy = () => true;
  },
});

const sitesKnownBeforeTheCopy = fault<World>({
  ...FIRST,
  name: 'sites-known-before-the-copy',
  story:
    'Static keys know the sites of a module before its copy becomes text: what they poke meanwhile is overwritten by the older copy.',
  breaks: 'shared-text-holds-only-what-its-owner-wrote',
  source: 'N. Amit on "module: prepare to handle ROX allocations for text", 2024-04-16',
  plant({ sharing: { modules } }) {
    modules.sitesAreKnown = ({ state }) => state !== 'freed';
  },
});

const directMapLeftAbsent = fault<World>({
  ...V6_17,
  name: 'direct-map-left-absent',
  story: 'Cached text is taken out of the direct map: readers of /proc/kcore fault on it.',
  breaks: 'shared-text-is-rox-at-rest',
  source: 'before 925f42645118 "execmem: don\'t remove ROX cache from the direct map" (6.15)',
  plant({ sharing: { cache }, setMemory }) {
    cache.protect = ({ firstPage, pageCount, frames }) => {
      const outcome = setMemory.rox(firstPage, pageCount);
      for (const frame of frames) setMemory.directMapInvalid(frame);
      return outcome === 0;
    };
  },
});

const earlyBlockStaysWritable = fault<World>({
  ...V6_17,
  name: 'early-block-stays-writable',
  story: 'A block of early boot is made executable only, to be protected in one sweep later; the sweep never comes.',
  breaks: 'no-entry-is-writable-and-executable',
  alsoBreaks: ['shared-text-is-rox-at-rest', 'right-steps-raise-no-alarm', 'executable-frames-are-writable-nowhere'],
  source:
    '"mm/execmem: Unify early execmem_cache behaviour" (6.15), reverted by 7cd9a11dd0c3 after reports about ITS pages',
  plant({ sharing: { cache }, setMemory }) {
    cache.protect = ({ firstPage, pageCount }) => setMemory.x(firstPage, pageCount) === 0;
  },
});

const plainTextMadeExecutableOnly = fault<World>({
  ...SUITE,
  kernel: '6.10',
  name: 'plain-text-made-executable-only',
  story: 'Without strict permissions for modules, text of an own area becomes executable and stays writable.',
  breaks: 'no-entry-is-writable-and-executable',
  alsoBreaks: ['right-steps-raise-no-alarm', 'executable-frames-are-writable-nowhere'],
  source:
    '47410d839fcd (6.15.4) and R. Weinberger, 2026-06-25: "insecure W+X mapping" with CONFIG_MODULES=n but ftrace in use',
  plant({ sharing: { modules }, setMemory }) {
    const { protect } = modules;
    modules.protect = (text) =>
      text.cached ? protect.call(modules, text) : setMemory.x(pageOfText(text.address), text.size / 4096);
  },
});

const failedFreeForgotten = fault<World>({
  ...V6_17,
  name: 'failed-free-forgotten',
  story: 'A range that cannot be given back is taken out of the busy tree all the same, and lost.',
  breaks: 'shared-text-is-all-accounted-for',
  source: 'before 187fd8521dd8 "execmem: rework execmem_cache_free()" (6.17)',
  plant({ sharing: { cache } }) {
    cache.postpone = ({ start }) => cache.busy.remove(start);
  },
});

const markLeftInThePointer = fault<World>({
  ...V6_17,
  name: 'mark-left-in-the-pointer',
  story: 'The delayed work drops the result of clearing the mark and frees the address with 0x800 in it.',
  breaks: 'shared-text-is-all-accounted-for',
  alsoBreaks: ['busy-text-is-what-is-held', 'pending-frees-are-counted-and-retried'],
  source: 'Y. Ylavic on "execmem: rework execmem_cache_free()", 2025-07-07',
  plant({ sharing: { cache } }) {
    cache.unmarked = ({ start, end }) => ({ start: start + 0x800, end: end + 0x800 });
  },
});

const cleanByAlignmentAlone = fault<World>({
  ...REPAIRED,
  name: 'clean-by-alignment-alone',
  story: 'The clean work frees the vm area of any free range of whole 2 MiB, though the rest of it is in use.',
  breaks: 'cleaning-touches-nothing-in-use',
  alsoBreaks: ['shared-text-is-backed-by-live-areas', 'shared-text-is-all-accounted-for'],
  source: 'before "mm/execmem: free ROX cache chunks only when they span an entire vm area" (2026)',
  plant({ sharing: { cache } }) {
    cache.isReleasable = ({ start, end }) => start % SIZE_2M === 0 && (end - start) % SIZE_2M === 0;
  },
});

const remainderNotPreallocated = fault<World>({
  ...REPAIRED,
  name: 'remainder-not-preallocated',
  story: 'There is no memory for the tree node of what is left of a cut area: all of it is gone from the cache.',
  breaks: 'refused-requests-take-nothing',
  alsoBreaks: ['shared-text-is-all-accounted-for'],
  source: 'before "mm/execmem: handle potential allocation errors in the maple tree" (2026)',
  plant({ sharing: { cache } }) {
    cache.preallocates = () => false;
  },
});

const populateThenLookAgain = fault<World>({
  ...REPAIRED,
  name: 'populate-then-look-again',
  story: 'The mutex is dropped between adding a block and serving the request it was made for: somebody else takes it.',
  breaks: 'requests-fail-only-for-want-of-memory',
  source: 'execmem_cache_alloc() of 6.13 to 6.18; populate and allocation became one critical section after',
  plant({ sharing: { cache } }) {
    cache.servesWhilePopulating = () => false;
  },
});

const errorTakenForASize = fault<World>({
  ...V6_17,
  name: 'error-taken-for-a-size',
  story: 'A section without entries is answered with -ENOEXEC, and that is allocated: the size wraps to 0.',
  breaks: 'requests-fail-only-for-want-of-memory',
  alsoBreaks: ['right-steps-raise-no-alarm'],
  source: '"powerpc64/ftrace: fix module loading without patchable function entries", A. Iliopoulos, 2025-02-04',
  plant({ sharing: { modules } }) {
    modules.sectionSize = () => 2 ** 64 - 8;
  },
});

const rangeWithoutAnEnd = fault<World>({
  ...SUITE,
  kernel: '6.10',
  name: 'range-without-an-end',
  story: 'The start of the range of kprobes is assigned twice and its end never: nothing can be allocated there.',
  breaks: 'requests-fail-only-for-want-of-memory',
  source: 'the first posting of execmem for powerpc, 2023',
  plant({ sharing: { execmem } }) {
    execmem.rangeOf = (type) => {
      const range = execmem.ranges[type];
      return type === 'kprobes' ? { ...range, window: { first: range.window?.end ?? 0, end: 0 } } : range;
    };
  },
});

const abandonedBlockStaysReadOnly = fault<World>({
  ...V6_17,
  name: 'abandoned-block-stays-read-only',
  story: 'A block that the tree has no memory for is freed without making its direct map writable again.',
  breaks: 'freed-frames-are-ordinary-memory',
  source: 'the error path of populating in 6.13, which got a label of its own with 925f42645118 (6.15; derived)',
  plant({ sharing: { cache }, vmalloc }) {
    cache.abandonBlock = (area) => {
      cache.blocks.remove(cache.blocks.items.indexOf(area));
      vmalloc.free(area.firstPage);
    };
  },
});

const freeMakesWritableFirst = fault<World>({
  ...V6_17,
  name: 'free-makes-writable-first',
  story: 'A free makes its range writable before it takes execution away.',
  breaks: 'right-steps-raise-no-alarm',
  alsoBreaks: ['no-entry-is-writable-and-executable', 'executable-frames-are-writable-nowhere'],
  source: 'plausible: the two calls of execmem_force_rw() exchanged',
  plant({ sharing: { cache }, setMemory }) {
    cache.forceRw = ({ start, end }) => {
      const [page, count] = [pageOfText(start), (end - start) / 4096];
      const outcome = setMemory.rw(page, count);
      return outcome === 0 ? setMemory.nx(page, count) : outcome;
    };
  },
});

const bestFitInTheCache = fault<World>({
  ...REPAIRED,
  name: 'best-fit-in-the-cache',
  story: 'The smallest free area that fits is taken, not the lowest.',
  breaks: 'shared-text-is-placed-lowest-first',
  source: 'a change of policy',
  plant({ sharing: { cache } }) {
    cache.findRoom = (size) =>
      [...cache.free]
        .filter(({ start, end }) => end - start >= size)
        .toSorted((left, right) => left.end - left.start - (right.end - right.start))[0];
  },
});

export const roxCacheFaults: readonly Fault<World>[] = [
  interiorFreeTrapsTheNeighbour,
  copyUsedAfterItsEnd,
  sitesKnownBeforeTheCopy,
  directMapLeftAbsent,
  earlyBlockStaysWritable,
  plainTextMadeExecutableOnly,
  failedFreeForgotten,
  markLeftInThePointer,
  cleanByAlignmentAlone,
  remainderNotPreallocated,
  populateThenLookAgain,
  errorTakenForASize,
  rangeWithoutAnEnd,
  abandonedBlockStaysReadOnly,
  freeMakesWritableFirst,
  bestFitInTheCache,
];
