import { type KernelBug, kernelBug } from '../language/kernel-bug.ts';
import type { World } from '../model/world.ts';

const FINALIZE = 'bpf_jit_binary_pack_finalize';

/** The laws that a free of the wrong size can break: the whole pack's memory goes, or nothing does and a WARN says so. */
const BROKEN_BY_GARBAGE_SIZE = [
  'refusals-change-nothing',
  'right-steps-raise-no-alarm',
  'text-memory-outlives-its-holders',
  'text-holds-only-what-its-owner-wrote',
  'free-text-is-trap-filled',
  'chunks-are-busy-exactly-while-held',
  'no-executable-memory-is-lost',
  'no-pack-stands-idle',
  'the-charge-is-what-exists',
  'programs-in-shared-text-cost-what-exists',
  'a-free-returns-what-was-charged',
  'ended-programs-leave-nothing',
  'refused-operations-map-nothing',
];

/**
 * On x86 text_poke_copy() refuses only core kernel text, so its failure has to be injected; the error paths are the kernel's
 * own, and on architectures whose copy can fail they run.
 */
const copyFailed = ({ failing }: World): boolean => failing.failed === 'text copy';

/** A table could not be had for the split that protecting fresh text needs. */
const protectionFailed = ({ failing }: World): boolean => failing.failed === 'page table of a split';

const failedFinalizeLeaks = kernelBug<World>({
  name: 'failed-finalize-leaks',
  story:
    'bpf_jit_binary_pack_finalize() no longer frees the text when its copy fails, and the x86 JIT forgets the header then: the chunk and its charge stay for ever.',
  kernels: ['6.18', '6.18.15', '7.3'],
  laws: ['refusals-change-nothing'],
  recognises: (world, { operation }) => operation.name === FINALIZE && copyFailed(world),
});

const failedFinalizeFreesByFiller = kernelBug<World>({
  name: 'failed-finalize-frees-by-filler',
  story:
    'When the copy fails, finalize frees by a size field that was never written: the traps in it read as 3.4 GB, so vfree() is called inside a pack that others use, or warns. Nothing is uncharged.',
  kernels: ['6.1', '6.12', 'module-alloc-huge'],
  laws: BROKEN_BY_GARBAGE_SIZE,
  recognises: (world, { operation }) => operation.name === FINALIZE && copyFailed(world),
});

const unfinishedProgramFreedByFiller = kernelBug<World>({
  name: 'unfinished-program-freed-by-filler',
  story:
    'bpf_jit_free() finalizes a program whose last pass never ran and does not look at the result: after a failed copy it frees by the traps in the size field.',
  kernels: ['6.18', '6.1', '6.12', '6.18.15', '7.3', 'module-alloc-huge', 'vmalloc-text'],
  laws: BROKEN_BY_GARBAGE_SIZE,
  recognises: (world, { operation }) => operation.name === 'bpf_jit_free' && copyFailed(world),
});

const garbageSizeFreesAHugePack = kernelBug<World>({
  name: 'garbage-size-frees-a-huge-pack-as-text',
  story:
    'The same free by traps in the size field, where packs carry no VM_FLUSH_RESET_PERMS: the whole pack goes back to the page allocator read-only and executable (derived).',
  kernels: ['module-alloc-huge'],
  laws: [
    'freed-frames-are-ordinary-memory',
    'no-cpu-keeps-rights-that-were-taken',
    'cpus-and-tables-together-keep-w-xor-x',
    'executable-frames-are-writable-nowhere',
  ],
  recognises: (world, { operation }) =>
    (operation.name === FINALIZE || operation.name === 'bpf_jit_free') && copyFailed(world),
});

const unseenProtectionFailure = kernelBug<World>({
  name: 'unseen-protection-failure',
  story:
    'The results of set_memory_ro() and set_memory_x() are ignored: text is used although it is still writable, or not executable (CVE-2024-42067 and its sibling for packs).',
  kernels: ['6.1', 'prog-pack-first', 'per-program-text', 'module-alloc-huge'],
  laws: [
    'packs-are-finished-when-listed',
    'no-entry-is-writable-and-executable',
    'rights-never-pass-through-write-and-execute',
    'executable-frames-are-writable-nowhere',
    'cpus-and-tables-together-keep-w-xor-x',
    'no-cpu-keeps-rights-that-were-taken',
  ],
  fix: 'e60adf513275',
  recognises: protectionFailed,
});

const unfinishedProgramKeepsItsBuffer = kernelBug<World>({
  name: 'unfinished-program-keeps-its-buffer',
  story:
    'Before bpf_jit_free() finalized programs whose last pass never ran, nobody freed their RW buffer (reasoned from 1d5f82d9dd47).',
  kernels: ['prog-pack-first'],
  laws: ['rw-buffers-live-until-finalize'],
  fix: '1d5f82d9dd47',
  recognises: (_, { operation }) => operation.name === 'bpf_jit_free',
});

const failedCopyStopsTheMachine = kernelBug<World>({
  name: 'failed-finalize-stops-the-machine',
  story: 'A copy into text that fails ends in BUG_ON(), although it could be returned as an error.',
  kernels: ['prog-pack-first'],
  laws: ['right-steps-raise-no-alarm', 'refusals-change-nothing'],
  fix: 'f95f768f0af4',
  recognises: (world, { operation }) => operation.name === FINALIZE && copyFailed(world),
});

const packMissedByMask = kernelBug<World>({
  name: 'pack-missed-by-mask',
  story:
    'Free finds a pack by masking off its size. Without memory for a 2 MiB leaf a pack is made of small pages and begins anywhere: it is missed, the chunk stays marked, and a WARN says "bpf_prog_pack bug".',
  kernels: ['prog-pack-first'],
  laws: BROKEN_BY_GARBAGE_SIZE,
  fix: '96805674e562',
  recognises: ({ text: { packs } }) => packs.packs.items.some(({ address }) => address % packs.packBytes !== 0),
});

/** What released kernels do against the laws of program text. */
export const textKernelBugs: readonly KernelBug<World>[] = [
  failedFinalizeLeaks,
  failedFinalizeFreesByFiller,
  unfinishedProgramFreedByFiller,
  garbageSizeFreesAHugePack,
  unseenProtectionFailure,
  unfinishedProgramKeepsItsBuffer,
  failedCopyStopsTheMachine,
  packMissedByMask,
];
