import { SIZE_2M } from '../../base/page.ts';

/**
 * What kernels do differently with the text of BPF programs. Sources are those of the facts behind the named behaviours:
 * kernel/bpf/core.c and arch/x86/net/bpf_jit_comp.c of each release, and the postings of January 2022.
 */
export interface ProgPackProfile {
  /**
   * Slices of shared packs since 5.18; before, pages of the program's own; as proposed in November 2022, execmem_alloc(); as
   * asked for in July 2022, vmalloc_text_alloc().
   */
  readonly textOf: 'packs' | 'own-pages' | 'execmem' | 'vmalloc-text';
  /** Bytes of a pack: per possible NUMA node, or whatever the number of nodes. */
  readonly packBytes: number;
  readonly packGrowsWithNodes: boolean;
  /** A request above the pack size: an area of its own inside the pack allocator, or the page-style allocator of the JIT. */
  readonly largeRequests: 'dedicated-area' | 'own-pages';
  /** What is made of 2 MiB leaves, sizes rounded up to whole ones: nothing, packs, or dedicated areas as well. */
  readonly largeLeaves: 'nothing' | 'pack' | 'everywhere';
  /** What a fresh pack holds: the caller's filler, or whatever the last owner of its frames left there. */
  readonly freshPack: 'filled' | 'recycled';
  /** How fresh text becomes executable: one change whose failure is seen, or two whose results nobody reads. */
  readonly protection: 'rox' | 'ro-then-x-unchecked';
  /** When a pack joins the list that requests are served from. */
  readonly packListed: 'before-protection' | 'after-protection';
  /** Which address VM_FLUSH_RESET_PERMS is asked for: the memory's, (by mistake) the descriptor's, or none at all. */
  readonly resetPermissionsOf: 'memory' | 'descriptor' | 'nothing';
  /** Whether a pack is made not executable and then writable before it is freed, or vfree() sees to its rights. */
  readonly packReleased: 'as-it-is' | 'unprotected';
  /** How a pointer finds its pack: by walking the list, or by masking off the pack size. */
  readonly packFoundBy: 'list' | 'mask';
  /** Whether freed text is filled with traps again. */
  readonly invalidatesFreedText: boolean;
  /** Whether bpf_prog_pack_free() takes the size from the header in the text, or from its caller. */
  readonly sizeAtFree: 'header' | 'argument';
  /** What bpf_jit_binary_pack_finalize() does with the text when the copy fails. */
  readonly failedFinalize: 'stops-the-machine' | 'frees-text' | 'leaves-text';
  /** What becomes of a program whose last JIT pass never ran: it is finalized first, or freed as it is. */
  readonly unfinalizedFree: 'finalizes' | 'frees-as-is';
  /** Whether a fresh RO header holds a size before it is finalized: poked by the JIT's filler, or only traps. */
  readonly unfinalizedHeader: 'poked' | 'trapped';
  /** Where the size to free an unfinished program by is read: poked into its text first, or in its buffer. */
  readonly unfinishedSize: 'in-text' | 'in-buffer';
  /** Bytes in a unit of the JIT limit. */
  readonly chargeUnit: 1 | 4096;
  /** Whether trampolines are slices of packs. */
  readonly trampolinesInPacks: boolean;
  /** Whether a page of struct_ops trampolines is charged. */
  readonly chargesStructOpsImage: boolean;
  /** Whether dispatchers have their image in a pack. */
  readonly dispatcherInPacks: boolean;
}

/** Linux 6.18 as released, and the default of the model. */
const current: ProgPackProfile = {
  textOf: 'packs',
  packBytes: SIZE_2M,
  packGrowsWithNodes: true,
  largeRequests: 'dedicated-area',
  largeLeaves: 'nothing',
  freshPack: 'filled',
  protection: 'rox',
  packListed: 'after-protection',
  resetPermissionsOf: 'memory',
  packReleased: 'as-it-is',
  packFoundBy: 'list',
  invalidatesFreedText: true,
  sizeAtFree: 'argument',
  failedFinalize: 'leaves-text',
  unfinalizedFree: 'finalizes',
  unfinalizedHeader: 'trapped',
  unfinishedSize: 'in-text',
  chargeUnit: 1,
  trampolinesInPacks: true,
  chargesStructOpsImage: true,
  dispatcherInPacks: true,
};

/** 6.1: headers carry the size of what is freed, trampolines have pages of their own, permission changes go unchecked. */
const before6_7: ProgPackProfile = {
  ...current,
  protection: 'ro-then-x-unchecked',
  packListed: 'before-protection',
  sizeAtFree: 'header',
  failedFinalize: 'frees-text',
  trampolinesInPacks: false,
  chargesStructOpsImage: false,
};

/**
 * The introduction as first proposed (January 2022). A pack is one PMD whatever the number of nodes, requests above it go
 * to the page-style allocator, and the header's size is poked when the program is laid out.
 */
const introduction: ProgPackProfile = {
  ...before6_7,
  packGrowsWithNodes: false,
  largeRequests: 'own-pages',
  freshPack: 'recycled',
  resetPermissionsOf: 'descriptor',
  packFoundBy: 'mask',
  invalidatesFreedText: false,
  failedFinalize: 'stops-the-machine',
  unfinalizedFree: 'frees-as-is',
  unfinalizedHeader: 'poked',
  chargeUnit: 4096,
  dispatcherInPacks: false,
};

/**
 * Packs on module_alloc_huge() (v5 and v6 of June and July 2022): one 2 MiB leaf each. VM_FLUSH_RESET_PERMS does not know large
 * leaves, so it is not asked for; rights are changed back by hand before the memory is freed.
 */
const onHugeModules: ProgPackProfile = {
  ...before6_7,
  largeLeaves: 'pack',
  resetPermissionsOf: 'nothing',
  packReleased: 'unprotected',
};

export const progPackProfiles = {
  '6.18': current,
  '6.18.15': current,
  '7.3': { ...current, largeLeaves: 'everywhere' },
  '6.12': { ...current, failedFinalize: 'frees-text' },
  '6.1': before6_7,
  'prog-pack-first': introduction,
  /** The conversion of BPF in that series: a free needs no size, and an unfinished program's stands in its buffer. */
  'execmem-proposal': { ...before6_7, textOf: 'execmem', sizeAtFree: 'argument', unfinishedSize: 'in-buffer' },
  /** BPF on the allocator for everybody: a free needs no size, and the failure of a copy is left to whoever frees. */
  'vmalloc-text': { ...current, textOf: 'vmalloc-text', unfinishedSize: 'in-buffer' },
  'module-alloc-huge': onHugeModules,
  'per-program-text': { ...introduction, textOf: 'own-pages' },
} as const satisfies Readonly<Record<string, ProgPackProfile>>;
