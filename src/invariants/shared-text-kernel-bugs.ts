import { type KernelBug, kernelBug } from '../language/kernel-bug.ts';
import type { ModuleText } from '../model/kernel/module-loader.ts';
import type { PopulatedRequest } from '../model/kernel/rox-cache.ts';
import { pageOfText } from '../model/kernel/text-address.ts';
import type { World } from '../model/world.ts';

const CONTENT = ['shared-text-holds-only-what-its-owner-wrote', 'free-shared-text-is-filler'];
const RIGHTS = [
  'shared-text-is-rox-at-rest',
  'no-entry-is-writable-and-executable',
  'executable-frames-are-writable-nowhere',
  'cpus-and-tables-together-keep-w-xor-x',
  'no-cpu-keeps-rights-that-were-taken',
  'freed-frames-are-ordinary-memory',
];
const STRUCTURE = [
  'cleaning-touches-nothing-in-use',
  'shared-text-is-backed-by-live-areas',
  'shared-text-is-all-accounted-for',
  'busy-text-is-what-is-held',
];
const PROPOSALS = ['execmem-proposal', 'execmem-proposal-tail'];
const FIRST_CACHES = ['6.13-rc', '6.15', '6.16'];
const CACHES = [...FIRST_CACHES, '6.17', '6.18'];

/** A table could not be had for a split. */
const splitFailed = ({ failing }: World): boolean => failing.failed === 'page table of a split';

const failedAt =
  (place: string) =>
  ({ failing }: World): boolean =>
    failing.failed === place;

const interiorFreeOverruns = kernelBug<World>({
  name: 'interior-free-overruns',
  story:
    'A free through an interior pointer fills as many bytes with traps as the chunk is long, from the pointer on: the next chunk loses its first bytes. Derived from the code of v5; the cache of 6.13 to 6.16 does the same.',
  kernels: [...PROPOSALS, ...FIRST_CACHES],
  laws: [...CONTENT, 'right-steps-raise-no-alarm'],
  recognises: (_, { operation, taken }) =>
    (operation.name === 'execmem_free' && (taken.at as number) > 0) ||
    (operation.name === 'module_memory_free' && (taken.page as number) > 0),
});

const fillAfterFree = kernelBug<World>({
  name: 'fill-after-free',
  story:
    'execmem_fill() drops its lock between finding the chunk and copying: a free in between is not noticed, and the bytes land in text that is free or belongs to somebody else.',
  kernels: PROPOSALS,
  laws: CONTENT,
  recognises: (_, { operation, taken }) =>
    operation.name === 'execmem_fill_copy' && !(taken.filling as { chunk: { live: boolean } }).chunk.live,
});

const unseenProtectionFailure = kernelBug<World>({
  name: 'unseen-protection-failure-of-shared-text',
  story:
    'The proposal ignores what set_memory_ro(), _x(), _nx() and _rw() answer: blocks are used, or given back, with the wrong rights.',
  kernels: PROPOSALS,
  laws: RIGHTS,
  recognises: splitFailed,
});

const failedCopyOfAProgram = kernelBug<World>({
  name: 'failed-copy-of-a-program-in-shared-text',
  story:
    'When the copy of a program fails, its text is freed and its caller is not told apart from one whose text is still there (the error path of 6.1, kept by the conversion).',
  kernels: PROPOSALS,
  laws: [
    'programs-in-shared-text-cost-what-exists',
    'refused-requests-take-nothing',
    ...STRUCTURE,
    ...CONTENT,
    'right-steps-raise-no-alarm',
  ],
  recognises: failedAt('text copy'),
});

const failedAddLosesMemory = kernelBug<World>({
  name: 'failed-add-loses-memory',
  story:
    'A free takes the range out of the busy tree first and ignores whether the free tree had memory for it: the range is lost.',
  kernels: FIRST_CACHES,
  laws: ['shared-text-is-all-accounted-for'],
  fix: '187fd8521dd8',
  recognises: failedAt('tree node of the free area'),
});

const remainderLost = kernelBug<World>({
  name: 'rest-of-a-cut-area-lost',
  story:
    'The tree node for the rest of a cut free area cannot be had: the request fails, and the whole free area is gone from the cache. Mended by preallocation in 2026.',
  kernels: CACHES,
  laws: ['refused-requests-take-nothing', 'shared-text-is-all-accounted-for'],
  recognises: failedAt('tree node of the rest'),
});

const cleanFreesABusyArea = kernelBug<World>({
  name: 'clean-frees-a-busy-area',
  story:
    'The clean work frees the vm area of any free range of whole 2 MiB pages, though the rest of a larger area may be in use. Mended in 2026.',
  kernels: CACHES,
  laws: [...STRUCTURE, 'freed-frames-are-ordinary-memory'],
  recognises: (world, { operation }) => operation.name === 'execmem_cache_clean' && someMemoryIsGone(world),
});

const cleanLeavesStaleRights = kernelBug<World>({
  name: 'clean-leaves-stale-rights',
  story:
    'Blocks of the cache have no VM_FLUSH_RESET_PERMS, and set_direct_map_valid_noflush() flushes nothing: until the next flush a CPU can run, or is kept from writing, frames that belong to somebody else. Mended in 2026 (derived).',
  kernels: CACHES,
  laws: [
    'freed-frames-are-ordinary-memory',
    'no-cpu-keeps-rights-that-were-taken',
    'cpus-and-tables-together-keep-w-xor-x',
  ],
  recognises: (_, { operation }, evidence) =>
    STALE.test(evidence) && (operation.name === 'execmem_cache_clean' || operation.name === 'speculate_text'),
});

const populatedBlockStolen = kernelBug<World>({
  name: 'populated-block-stolen',
  story:
    "The block that a request adds to the cache is everybody's before the request looks again: whoever comes in between takes it, and the request fails although there was memory.",
  kernels: CACHES,
  laws: ['requests-fail-only-for-want-of-memory'],
  recognises: ({ sharing: { cache } }, { operation, taken }) => {
    const request = taken.populated as PopulatedRequest | undefined;
    if (operation.name !== 'execmem_cache_alloc_again' || request?.address !== undefined) return false;
    return cache.free.ofLength(request!.size).length === 0;
  },
});

const failedPopulateLeavesRights = kernelBug<World>({
  name: 'failed-populate-leaves-rights',
  story:
    'When populating fails after rights were changed, the frames go back as they are: absent from the direct map in 6.13, in part read-only there later.',
  kernels: CACHES,
  laws: ['freed-frames-are-ordinary-memory', 'no-cpu-keeps-rights-that-were-taken'],
  fix: '925f42645118',
  recognises(world) {
    const { profile } = world.sharing;
    const isFirst = profile.kind === 'core' && profile.directMap === 'absent';
    return isFirst ? world.failing.failed !== undefined : splitFailed(world);
  },
});

const imageAliasStaysWritable = kernelBug<World>({
  name: 'image-alias-stays-writable',
  story:
    'The cache of 6.13 maps its frames anew instead of changing their rights, so no alias is visited: frames of the freed gaps of the kernel image stay writable in its high mapping (derived).',
  kernels: ['6.13-rc'],
  laws: ['executable-frames-are-writable-nowhere', 'cpus-and-tables-together-keep-w-xor-x'],
  recognises: ({ sharing: { cache }, image }) =>
    cache.blocks.items.some(({ frames }) => frames.some((frame) => image.pageOfFrame(frame) !== undefined)),
});

const cachedTextIsNotTheOwnersToWrite = kernelBug<World>({
  name: 'half-made-writable',
  story:
    'set_memory_rw() of cached text fails for want of a table for its alias: pages before it stay writable and not executable until the owner restores them.',
  kernels: [...CACHES, 'execmem-repaired'],
  laws: ['shared-text-is-rox-at-rest'],
  recognises: (world, { taken }) => splitFailed(world) && (taken.mod as ModuleText | undefined)?.rights !== undefined,
});

/** Evidence about what a CPU holds, not about what the tables say. */
const STALE = /\bCPU \d+ holds\b/;

/** Whether the cache still speaks of text whose area was freed: the clean work took more than it was to take. */
function someMemoryIsGone({ sharing: { cache }, vmalloc }: World): boolean {
  return [...cache.busy, ...cache.free].some(({ start }) => vmalloc.areaAt(pageOfText(start)) === undefined);
}

/** What the proposal of November 2022 does against the laws. */
export const proposalKernelBugs: readonly KernelBug<World>[] = [
  interiorFreeOverruns,
  fillAfterFree,
  unseenProtectionFailure,
  failedCopyOfAProgram,
];

/** What released kernels with the cache do against the laws. */
export const roxCacheKernelBugs: readonly KernelBug<World>[] = [
  interiorFreeOverruns,
  failedAddLosesMemory,
  remainderLost,
  cleanFreesABusyArea,
  cleanLeavesStaleRights,
  populatedBlockStolen,
  failedPopulateLeavesRights,
  imageAliasStaysWritable,
  cachedTextIsNotTheOwnersToWrite,
];
