import { type Fault, fault } from '../language/fault.ts';
import { initMmLock } from '../model/kernel/locks.ts';
import { flushTlbKernelRange } from '../model/kernel/tlb-flush.ts';
import { isPresent } from '../model/machine/page-table-entry.ts';
import type { World } from '../model/world.ts';

const HERE = { kernel: '6.18', suite: 'page-attributes' } as const;

const collapseIgnores4kMark = fault<World>({
  ...HERE,
  name: 'collapse-ignores-4k-mark',
  story:
    'Merging small entries overlooks the mark of set_memory_4k(), so pages that had to stay small become one large page.',
  breaks: 'collapsed-leaves-say-what-their-entries-said',
  source:
    'plausible: 41d88484c71c "x86/mm/pat: restore large ROX pages after fragmentation" without its _PAGE_KERNEL_4K',
  plant({ largePages }) {
    largePages.mustStaySmall = () => false;
  },
});

const collapseLooksAtTheFirstEntry = fault<World>({
  ...HERE,
  name: 'collapse-looks-at-the-first-entry',
  story: 'Merging compares no entry but the first two, and the rest of the 2 MiB takes over their rights and frames.',
  breaks: 'collapsed-leaves-say-what-their-entries-said',
  alsoBreaks: [
    'executable-frames-are-writable-nowhere',
    'live-areas-map-their-own-frames',
    'addresses-are-flushed-before-reuse',
    'only-asked-pages-change-rights',
    'cpus-and-tables-together-keep-w-xor-x',
    'large-entries-need-large-pages',
  ],
  source: 'plausible: the loop of collapse_pmd_page() left too early',
  plant({ largePages }) {
    largePages.isUniform = (table) =>
      isPresent(table.entryFlags(0)) && table.entryFrame(0) % 512 === 0 && table.entryFlags(1) === table.entryFlags(0);
  },
});

const tablesFreedBeforeTheFlush = fault<World>({
  ...HERE,
  name: 'tables-freed-before-the-flush',
  story: 'A collapse frees the tables it replaced at once and flushes after: a CPU may still walk through them.',
  breaks: 'tables-are-freed-after-the-flush',
  source: 'the class of "x86/mm/pat: ..." by L. Stoakes, 2026, fixes 41d88484c71c: page tables freed under a walker',
  plant({ largePages, machine }) {
    largePages.retireTables = (tables) => {
      for (const table of tables) machine.memory.free(table);
      machine.flushEverywhere();
    };
  },
});

const collapseForgetsItsFlush = fault<World>({
  ...HERE,
  name: 'collapse-forgets-its-flush',
  story: 'After a collapse nothing is flushed: CPUs keep pointers to tables that belong to somebody else now.',
  breaks: 'tables-are-freed-after-the-flush',
  alsoBreaks: ['no-cpu-walks-a-freed-table'],
  source: 'plausible: the flush at the end of cpa_collapse_large_pages() left out',
  plant({ largePages, machine }) {
    largePages.retireTables = (tables) => {
      for (const table of tables) machine.memory.free(table);
    };
  },
});

const sleepingLockInsideCollapse = fault<World>({
  ...HERE,
  name: 'sleeping-lock-inside-collapse',
  story:
    "To keep table walkers away a collapse takes the lock of the kernel's address space, a mutex, under the spinlock pgd_lock.",
  breaks: 'locks-keep-their-order',
  source: 'syzkaller "BUG: Invalid wait context" at boot, 2026: the first fix of the page tables freed under a walker',
  plant({ largePages, locks, configuration }) {
    largePages.mayMerge = () => locks.holding(initMmLock, () => configuration.pse);
  },
});

const splitForgetsItsFlush = fault<World>({
  ...HERE,
  name: 'split-forgets-its-flush',
  story: 'A large entry is split and its small ones change before the CPUs have forgotten the large translation.',
  breaks: 'splits-are-flushed-before-attributes-change',
  source: 'plausible: the flush_tlb_all() of __split_large_page(), which became global in 2018 after the same mistake',
  plant({ largePages }) {
    largePages.flushAfterSplit = () => {};
  },
});

const splitIsNotCounted = fault<World>({
  ...HERE,
  name: 'split-is-not-counted',
  story: 'Splits leave DirectMap2M and DirectMap1G as they were, so /proc/meminfo hides the fragmentation.',
  breaks: 'level-counters-count-leaves',
  source: 'plausible: split_page_count() forgotten',
  plant({ largePages }) {
    largePages.countSplit = () => {};
  },
});

const partOfALargePageChangesAll = fault<World>({
  ...HERE,
  name: 'part-of-a-large-page-changes-all',
  story: 'A request for a few pages of a large entry rewrites the entry, and its other pages change with them.',
  breaks: 'only-asked-pages-change-rights',
  alsoBreaks: [
    'executable-frames-are-writable-nowhere',
    'no-entry-is-writable-and-executable',
    'freed-frames-are-ordinary-memory',
  ],
  source:
    '559089e0a93d "vmalloc: replace VM_NO_HUGE_VMAP with VM_ALLOW_HUGE_VMAP" (5.18): page-wise permissions on huge areas',
  plant({ changePageAttr }) {
    changePageAttr.largeLeafVerdict = () => 'rewrite';
  },
});

const changeForgetsItsFlush = fault<World>({
  ...HERE,
  name: 'change-forgets-its-flush',
  story: 'Attributes change in the tables, and CPUs go on with the rights that they hold.',
  breaks: 'no-cpu-keeps-rights-that-were-taken',
  alsoBreaks: ['cpus-and-tables-together-keep-w-xor-x', 'freed-frames-are-ordinary-memory'],
  source: 'plausible: CPA_FLUSHTLB not set',
  plant({ changePageAttr }) {
    changePageAttr.flushAfter = () => {};
  },
});

const changeFlushesOneCpu = fault<World>({
  ...HERE,
  name: 'change-flushes-one-cpu',
  story: 'After a change only the calling CPU is flushed; the others go on with the rights that they hold.',
  breaks: 'no-cpu-keeps-rights-that-were-taken',
  alsoBreaks: ['cpus-and-tables-together-keep-w-xor-x', 'freed-frames-are-ordinary-memory'],
  source: 'plausible: __flush_tlb_all() in the place of flush_tlb_all()',
  plant({ changePageAttr, machine }) {
    changePageAttr.flushAfter = () => machine.cpu(0).mmu.tlb.flushAll();
  },
});

const flushMissesTheLastPage = fault<World>({
  ...HERE,
  name: 'flush-misses-the-last-page',
  story: 'The page-wise flush after a change of direct-map pages ends one page early.',
  breaks: 'no-cpu-keeps-rights-that-were-taken',
  source: 'the off-by-one of 8e41f8726dcf "mm/vmalloc: Fix calculation of direct map addr range" (5.2), in cpa_flush()',
  plant({ changePageAttr, machine }) {
    changePageAttr.flushAfter = ({ firstPage, pageCount }, all) => {
      if (all) machine.flushEverywhere();
      else flushTlbKernelRange(machine, firstPage, firstPage + pageCount - 1);
    };
  },
});

const aliasIsNotFlushed = fault<World>({
  ...HERE,
  name: 'alias-is-not-flushed',
  story: 'The flush covers the pages that were named, not their direct-map aliases, which changed too.',
  breaks: 'no-cpu-keeps-rights-that-were-taken',
  alsoBreaks: ['cpus-and-tables-together-keep-w-xor-x', 'freed-frames-are-ordinary-memory'],
  source: 'plausible: force_flush_all not set by cpa_process_alias()',
  plant({ changePageAttr, machine }) {
    changePageAttr.flushAfter = ({ firstPage, pageCount }) =>
      flushTlbKernelRange(machine, firstPage, firstPage + pageCount);
  },
});

const errorPathForgetsItsFlush = fault<World>({
  ...HERE,
  name: 'error-path-forgets-its-flush',
  story: 'A change that fails in the middle returns without a flush, though the pages before have changed.',
  breaks: 'no-cpu-keeps-rights-that-were-taken',
  alsoBreaks: ['cpus-and-tables-together-keep-w-xor-x', 'freed-frames-are-ordinary-memory'],
  source: 'plausible: the error branch of change_page_attr_set_clr()',
  plant({ setMemory }) {
    setMemory.flushAfterError = () => {};
  },
});

const aliasIsForgotten = fault<World>({
  ...HERE,
  name: 'alias-is-forgotten',
  story: 'Text becomes read-only and executable where it is mapped, and stays writable through the direct map.',
  breaks: 'executable-frames-are-writable-nowhere',
  source: 'plausible: CPA_NO_CHECK_ALIAS on a call that needs the aliases',
  plant({ changePageAttr }) {
    changePageAttr.checksAliases = () => false;
  },
});

const aliasBecomesExecutable = fault<World>({
  ...HERE,
  name: 'alias-becomes-executable',
  story: 'A change of NX reaches the direct map, which becomes executable with the text it maps.',
  breaks: 'direct-map-is-never-executable',
  source: 'before d597416683d5 "x86/mm: Inhibit _PAGE_NX changes from cpa_process_alias()" (6.2)',
  plant({ changePageAttr }) {
    changePageAttr.aliasMask = (mask) => mask;
  },
});

const writableBeforeNotExecutable = fault<World>({
  ...HERE,
  name: 'writable-before-not-executable',
  story: 'Text that its owner wants to write for a while is made writable first and loses its execution after.',
  breaks: 'no-entry-is-writable-and-executable',
  alsoBreaks: ['executable-frames-are-writable-nowhere', 'cpus-and-tables-together-keep-w-xor-x'],
  source: 'plausible: the two calls of execmem_make_temp_rw() (05e555b81726, 6.15) exchanged',
  plant({ temporaryRw }) {
    temporaryRw.stages = () => ['rw', 'nx'];
  },
});

export const pageAttributeFaults: readonly Fault<World>[] = [
  collapseIgnores4kMark,
  collapseLooksAtTheFirstEntry,
  tablesFreedBeforeTheFlush,
  collapseForgetsItsFlush,
  sleepingLockInsideCollapse,
  splitForgetsItsFlush,
  splitIsNotCounted,
  partOfALargePageChangesAll,
  changeForgetsItsFlush,
  changeFlushesOneCpu,
  flushMissesTheLastPage,
  aliasIsNotFlushed,
  errorPathForgetsItsFlush,
  aliasIsForgotten,
  aliasBecomesExecutable,
  writableBeforeNotExecutable,
];

/** Found where the machine has no large pages: the suite `page-attributes-4k`. */
const collapseWithoutLargePages = fault<World>({
  kernel: '6.18',
  suite: 'page-attributes-4k',
  name: 'collapse-without-large-pages',
  story: 'A collapse makes 2 MiB entries on a machine that has no large pages (a Xen PV guest).',
  breaks: 'large-entries-need-large-pages',
  source: 'before 1dbf30fdb5e5 "x86/mm/pat: don\'t collapse pages without PSE set" (6.16-rc, 6.15.4)',
  plant({ largePages }) {
    largePages.mayMerge = (level) => level === 2;
  },
});

export const smallPageFaults: readonly Fault<World>[] = [collapseWithoutLargePages];
