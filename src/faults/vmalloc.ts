import { type Fault, fault } from '../language/fault.ts';
import type { World } from '../model/world.ts';

const HERE = { kernel: '6.18', suite: 'vmalloc' } as const;

const guardPageForgotten = fault<World>({
  ...HERE,
  name: 'guard-page-forgotten',
  story: 'First fit reserves the area but not its guard page, so the next area starts one page early.',
  breaks: 'vm-areas-are-disjoint',
  source: 'plausible: VM_NO_GUARD for everybody',
  plant({ vmapAreas }) {
    vmapAreas.reservedEnd = ({ firstPage, pageCount }) => firstPage + pageCount;
  },
});

const addressesReusedUnflushed = fault<World>({
  ...HERE,
  name: 'addresses-reused-unflushed',
  story: 'The addresses of a freed area can be used again at once, while CPUs still hold its translations.',
  breaks: 'no-cpu-keeps-rights-that-were-taken',
  alsoBreaks: ['addresses-are-flushed-before-reuse', 'cpus-and-tables-together-keep-w-xor-x'],
  source: 'plausible: free_vmap_area() in the place of free_vmap_area_noflush()',
  plant({ vmapAreas }) {
    vmapAreas.freeLazily = (area) => vmapAreas.release(area);
  },
});

const purgeForgetsItsFlush = fault<World>({
  ...HERE,
  name: 'purge-forgets-its-flush',
  story: 'Lazily freed areas are purged without the flush that the laziness saved up.',
  breaks: 'no-cpu-keeps-rights-that-were-taken',
  alsoBreaks: [
    'nothing-of-a-flushed-area-is-held',
    'freed-frames-are-ordinary-memory',
    'permissions-are-reset-before-frames-are-freed',
  ],
  source: 'plausible: __purge_vmap_area_lazy() without flush_tlb_kernel_range()',
  plant({ vmapAreas }) {
    vmapAreas.flush = () => {};
  },
});

const purgeFlushesLittle = fault<World>({
  ...HERE,
  name: 'purge-flushes-the-first-area-only',
  story: 'The flush of lazily freed areas covers one of them, and the others are handed out with stale translations.',
  breaks: 'no-cpu-keeps-rights-that-were-taken',
  alsoBreaks: [
    'nothing-of-a-flushed-area-is-held',
    'freed-frames-are-ordinary-memory',
    'cpus-and-tables-together-keep-w-xor-x',
  ],
  source: 'plausible: minimum and maximum not taken over all nodes after the split into vmap nodes (6.9)',
  plant({ vmapAreas }) {
    vmapAreas.flushSpan = (also) => {
      const area = vmapAreas.lazy.at(0);
      return area === undefined ? also! : { first: area.firstPage, end: area.firstPage + area.pageCount };
    };
  },
});

const directMapSpanMissesLastPage = fault<World>({
  ...HERE,
  name: 'direct-map-span-misses-last-page',
  story: 'The direct-map range that a vfree() flushes ends before its last page.',
  breaks: 'nothing-of-a-flushed-area-is-held',
  alsoBreaks: ['freed-frames-are-ordinary-memory'],
  source: '8e41f8726dcf "mm/vmalloc: Fix calculation of direct map addr range" (5.2)',
  plant({ vmalloc, directMap }) {
    vmalloc.directMapSpan = ({ frames }) => {
      const pages = frames.map((frame) => directMap.pageOf(frame));
      return { first: Math.min(...pages), end: Math.max(...pages) };
    };
  },
});

const defaultBeforeFlush = fault<World>({
  ...HERE,
  name: 'direct-map-restored-before-the-flush',
  story:
    'vfree() makes the direct-map entries writable again before the flush, so CPUs hold text they could have written.',
  breaks: 'permissions-are-reset-before-frames-are-freed',
  source: 'plausible: two steps of vm_reset_perms() exchanged',
  plant({ vmalloc }) {
    vmalloc.freeStages = ({ flushResetPerms }) =>
      flushResetPerms
        ? ['unmap', 'invalidate-direct-map', 'default-direct-map', 'flush', 'release']
        : ['unmap', 'release'];
  },
});

const directMapLeftInvalid = fault<World>({
  ...HERE,
  name: 'direct-map-left-invalid',
  story: 'Frames go back to the page allocator while the direct map does not map them: their next owner faults.',
  breaks: 'freed-frames-are-ordinary-memory',
  source:
    'the error path that 925f42645118 "execmem: don\'t remove ROX cache from the direct map" (6.15) mended, in vfree()',
  plant({ vmalloc }) {
    vmalloc.freeStages = ({ flushResetPerms }) =>
      flushResetPerms ? ['unmap', 'invalidate-direct-map', 'flush', 'release'] : ['unmap', 'release'];
  },
});

const permissionsNotReset = fault<World>({
  ...HERE,
  name: 'permissions-not-reset',
  story:
    'VM_FLUSH_RESET_PERMS is overlooked: read-only direct-map pages and stale executable translations outlive the area.',
  breaks: 'freed-frames-are-ordinary-memory',
  source: 'the effect of the January 2022 program-pack posting, which set the flag on the wrong object',
  plant({ vmalloc }) {
    vmalloc.freeStages = () => ['unmap', 'release'];
  },
});

const lastPageStaysMapped = fault<World>({
  ...HERE,
  name: 'last-page-stays-mapped',
  story: "vfree() unmaps all pages but the last, which then shows whatever its frame's next owner keeps there.",
  breaks: 'freed-frames-are-ordinary-memory',
  alsoBreaks: ['live-areas-map-their-own-frames', 'executable-frames-are-writable-nowhere'],
  source: 'plausible: the end of vunmap_range() taken for the last page',
  plant({ vmMapping }) {
    const unmap = vmMapping.unmap.bind(vmMapping);
    vmMapping.unmap = (firstPage, pageCount) => unmap(firstPage, pageCount - 1);
  },
});

const emptyTableFreedUnflushed = fault<World>({
  ...HERE,
  name: 'empty-table-freed-unflushed',
  story: 'A large mapping takes the place of an empty table, which is freed while CPUs may still walk through it.',
  breaks: 'tables-are-freed-after-the-flush',
  alsoBreaks: ['no-cpu-walks-a-freed-table'],
  source: 'before 5e0fb5df2ee8 "x86/mm: Add TLB purge to free pmd/pte page interfaces" (4.18)',
  plant({ vmMapping, machine }) {
    vmMapping.retireEmptyTable = (_, table) => machine.memory.free(table);
  },
});

const failedAreaLeaks = fault<World>({
  ...HERE,
  name: 'failed-area-leaks',
  story: 'An area whose mapping fails in the middle is reported as failed and stays behind with its frames.',
  breaks: 'refused-operations-map-nothing',
  source: 'plausible: the error path of __vmalloc_area_node()',
  plant({ vmalloc }) {
    vmalloc.abandon = () => {};
  },
});

const orderRecordedTooEarly = fault<World>({
  kernel: '7.3',
  suite: 'vmalloc',
  name: 'page-order-recorded-too-early',
  story:
    'An area that fell back to small pages is still noted as one of large pages, and the reset of permissions steps over most of them.',
  breaks: 'freed-frames-are-ordinary-memory',
  alsoBreaks: ['nothing-of-a-flushed-area-is-held', 'executable-frames-are-writable-nowhere'],
  source: '"mm/vmalloc: set area\'s page_order after allocation succeeds" (2026; mechanism derived)',
  plant({ vmalloc }) {
    vmalloc.orderOfFallback = (request) => (vmalloc.wantsHuge(request) ? 512 : 1);
  },
});

export const vmallocFaults: readonly Fault<World>[] = [
  guardPageForgotten,
  addressesReusedUnflushed,
  purgeForgetsItsFlush,
  purgeFlushesLittle,
  directMapSpanMissesLastPage,
  defaultBeforeFlush,
  directMapLeftInvalid,
  permissionsNotReset,
  lastPageStaysMapped,
  emptyTableFreedUnflushed,
  failedAreaLeaks,
  orderRecordedTooEarly,
];
