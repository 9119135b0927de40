/** What executable memory is asked for (enum execmem_type, 6.10). */
export const execmemTypes = ['module-text', 'kprobes', 'ftrace', 'bpf', 'module-data'] as const;
export type ExecmemType = (typeof execmemTypes)[number];

/** How a kernel shares executable memory beyond bpf_prog_pack, if it does. */
export type ExecmemProfile = NoExecmem | VmallocTextProfile | ExecmemProposalProfile | ExecmemCoreProfile;

/** Kernels without any of it: every user of text goes to module_alloc(). */
export interface NoExecmem {
  readonly kind: 'none';
}

/** vmalloc_text_alloc() and vmalloc_text_free(), which the reviews of 2022 asked for: all users of text share one allocator. */
export interface VmallocTextProfile {
  readonly kind: 'vmalloc-text';
}

/** execmem_alloc(), execmem_free() and execmem_fill() as proposed up to v5, November 2022. */
export interface ExecmemProposalProfile {
  readonly kind: 'proposal';
  /** register_text_tail_vm(): the unused end of the kernel's last text page serves allocations too (patches 5 and 6). */
  readonly textTail: boolean;
}

/** mm/execmem.c of 6.10 and later, with its cache of large read-only executable pages from 6.13. */
export interface ExecmemCoreProfile {
  readonly kind: 'core';
  /** Types that x86 serves from the cache on a machine with large pages; none where CONFIG_ARCH_HAS_EXECMEM_ROX is off. */
  readonly cached: readonly ExecmemType[];
  /** What the direct map says of cached pages: nothing at all (6.13), or read-only (925f42645118, 6.15). */
  readonly directMap: 'absent' | 'read-only';
  /** How a module is written: in a copy that is poked over the text in the end (6.13), or in place, writable for a while. */
  readonly modulesWritten: 'in-copy' | 'in-place';
  /** How freed text gets its traps: poked in, or stored after the range was made writable (187fd8521dd8, 6.17). */
  readonly refill: 'poke' | 'stores';
  /** A range that cannot be given back at once is marked and tried again later (6.17); before, it was lost. */
  readonly retriesFrees: boolean;
  /** Where a block of whole 2 MiB cannot be had, exactly what was asked for is tried (3bd4e0ac61b2, 6.17). */
  readonly settlesForExactSize: boolean;
  /** Adding a block and serving the request that caused it happen under one hold of the mutex (after 6.18). */
  readonly servesWhilePopulating: boolean;
  /** What the clean work gives back: any free 2 MiB, or only a free area that is a whole vm area (2026). */
  readonly cleans: 'whole-2m' | 'whole-area';
  /** Tree nodes are preallocated, so that the rest of a cut area cannot get lost (2026). */
  readonly preallocates: boolean;
  /** Blocks carry VM_FLUSH_RESET_PERMS, so that vfree() leaves no stale right behind (2026). */
  readonly resetsPermissions: boolean;
}

/** 6.10 to 6.12: one range for all types. */
const plainCore: ExecmemCoreProfile = {
  kind: 'core',
  cached: [],
  directMap: 'read-only',
  modulesWritten: 'in-place',
  refill: 'poke',
  retriesFrees: false,
  settlesForExactSize: false,
  servesWhilePopulating: false,
  cleans: 'whole-2m',
  preallocates: false,
  resetsPermissions: false,
};

const cacheOf6_15: ExecmemCoreProfile = { ...plainCore, cached: ['module-text'] };

const cacheOf6_17: ExecmemCoreProfile = {
  ...cacheOf6_15,
  cached: ['module-text', 'kprobes', 'ftrace'],
  refill: 'stores',
  retriesFrees: true,
  settlesForExactSize: true,
};

/**
 * x86's on and off: the cache came in 6.13-rc1 (5185e7f9f3bd), was switched off before 6.13 was released (a9bbe3413331), came
 * back in 6.15 with the direct map left in place (64f6a4e10c05), and serves kprobes and ftrace from 6.17. BPF never used it.
 */
export const execmemProfiles = {
  none: { kind: 'none' },
  'vmalloc-text': { kind: 'vmalloc-text' },
  proposal: { kind: 'proposal', textTail: false },
  'proposal-tail': { kind: 'proposal', textTail: true },
  '6.10': plainCore,
  '6.13-rc': { ...cacheOf6_15, directMap: 'absent', modulesWritten: 'in-copy' },
  '6.13': { ...plainCore, directMap: 'absent', modulesWritten: 'in-copy' },
  '6.15': cacheOf6_15,
  '6.17': cacheOf6_17,
  /** After 6.18; that 7.3 has it is inferred from the dates. */
  '7.x': { ...cacheOf6_17, servesWhilePopulating: true },
  repaired: {
    ...cacheOf6_17,
    servesWhilePopulating: true,
    cleans: 'whole-area',
    preallocates: true,
    resetsPermissions: true,
  },
} as const satisfies Readonly<Record<string, ExecmemProfile>>;
