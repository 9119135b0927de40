import { everyLatentBehaviour, type LatentBehaviour } from './arena-latent.ts';

/**
 * Which behaviours of bpf_arena a kernel version has. A behaviour is named; a version is a record of behaviours. Sources:
 * kernel/bpf/arena.c of each version as digested in the project's facts, and recordings of the versions marked below.
 */
export interface ArenaProfile {
  readonly name: string;
  /** One sentence for `list kernels`. */
  readonly about: string;
  /** Maple tree of allocated slots with the lowest gap (to 6.12), or range tree of free slots with best fit (6.13). */
  readonly freeRanges: 'lowest-gap' | 'best-fit';
  /** bpf_arena_reserve_pages(): 8fc3d2d8b501, 6.17. */
  readonly reserve: boolean;
  /** Free of an address below the base: slots underflow (F25), or nothing happens (b5a71cb2db6d, 7.2.y and 6.12.y). */
  readonly freeBelowBase: 'underflows' | 'ignored';
  /** alloc with a node that does not exist: NULL, or a bad pointer dereference (to 2845989f2eba, 7.0.y). */
  readonly unknownNode: 'refused' | 'oops';
  /** 4fddde2a732d: VM_DONTCOPY, and -EINVAL for whatever would split the area. Before, copies share one record (F21). */
  readonly areasAreWhole: boolean;
  /** What vm_ops->open does: nothing to 6.9 (F9), a count of sharers since b90d77e5fd78. */
  readonly sharersCounted: boolean;
  /** What the memory of a freed area holds: a recording of 6.16.12 shows the difference, the rest is reasoned. */
  readonly freedAreas: 'kept' | 'overwritten';
  /** How zap finds the user entries: by the recorded area, or by looking the area up again (80b89d0226a0, 7.2). */
  readonly zapBy: 'recorded-area' | 'lookup';
  /** Page-table levels above the entries are built at creation: c336b0b32712, 7.0. */
  readonly windowBuiltAtCreation: boolean;
  /** Frees from a call site that must not sleep are queued: b8467290edab, 7.0. Before, such programs are refused. */
  readonly deferredFree: boolean;
  /** One free flushes and zaps page by page under the lock (to 6.19), or in stages after the lock is dropped (7.0). */
  readonly freeInStages: boolean;
  /** Pages that one allocation has before it maps them: all of them, or since 7.0 as many as one array of pointers holds. */
  readonly allocationBatch: number;
  /** dc11a4dba246: kernel code that touches an absent page gets a scratch page, 7.2. */
  readonly scratchPage: boolean;
  /** 89318afb1414: fdinfo tells the memory of populated slots, 7.3. */
  readonly memoryUsage: boolean;
  /** 3ac1a467e376: a direct value address one past the end is refused, 7.1. */
  readonly directValue: 'one-past-the-end' | 'inside';
  /** Offsets of direct values: below 512 MiB, or since 12a1fe6e12db (7.0) any. */
  readonly directOffsets: 'below-512-mib' | 'any';
  /** What guards free slots and kernel entries: a mutex, or since 7.0 a spinlock that can fail to be taken. */
  readonly lock: 'mutex' | 'rqspinlock';
  /**
   * Fault-in to 7.2 takes the lock, then decides, then allocates, and answers SIGSEGV without memory. Since 7.3 it allocates
   * before it takes the lock (a rework read in bpf-rc, its release inferred): OOM comes even before BPF_F_SEGV_ON_FAULT.
   */
  readonly faultAllocates: 'under-lock' | 'before-lock';
  /** Pages are charged to the creator's memory cgroup; the patch set forgot (F4). */
  readonly charged: boolean;
  /** The patch set answered 0 where its search for an address failed (F5). */
  readonly unmappedAreaError: 'errno' | 'zero';
  /** Faults of BPF code are told on the program's error stream: 6.18. */
  readonly faultReports: boolean;
  /**
   * What a faulting atomic leaves in its destination: to 7.1 what stood there, with a load-acquire told as a WRITE to the
   * address in its destination register (L6); since 7.2 zero, told as what it is.
   */
  readonly faultingAtomic: 'keeps-destination' | 'clears-destination';
  /** A 32-bit compare-and-exchange is followed by an explicit zero extension of R0. */
  readonly extendsCmpxchg32: boolean;
  /** d503a04f8bc0: atomics on arena pointers, 6.10. */
  readonly atomics: boolean;
  /** Load-acquire and store-release, 6.15. */
  readonly acquireRelease: boolean;
  /** Sign-extending loads: a91ae3c89311, 6.18. */
  readonly signedLoads: boolean;
  /** Which of the surprising behaviours there are: all, unless a world is built without some. */
  readonly latent: ReadonlySet<LatentBehaviour>;
  /** The file system behind anonymous inodes forbids PROT_EXEC, so that mmap() answers EPERM. */
  readonly anonymousInodesNoExec: boolean;
  /** One mremap() may move several areas; a range that leaves an area that may not be moved so is refused first: 6.17. */
  readonly movesManyAreas: boolean;
}

const v2: ArenaProfile = {
  name: 'arena-v2',
  about: 'The arena patch set of February 2024 (v2): no charge, no count of sharers, addresses of 0 for errors.',
  freeRanges: 'lowest-gap',
  reserve: false,
  freeBelowBase: 'underflows',
  unknownNode: 'oops',
  areasAreWhole: false,
  sharersCounted: false,
  freedAreas: 'kept',
  zapBy: 'recorded-area',
  windowBuiltAtCreation: false,
  deferredFree: false,
  freeInStages: false,
  allocationBatch: 2 ** 20,
  scratchPage: false,
  memoryUsage: false,
  directValue: 'one-past-the-end',
  directOffsets: 'below-512-mib',
  lock: 'mutex',
  faultAllocates: 'under-lock',
  charged: false,
  unmappedAreaError: 'zero',
  faultReports: false,
  faultingAtomic: 'keeps-destination',
  extendsCmpxchg32: true,
  atomics: false,
  acquireRelease: false,
  signedLoads: false,
  anonymousInodesNoExec: false,
  movesManyAreas: false,
  latent: everyLatentBehaviour,
};

const v69: ArenaProfile = {
  ...v2,
  name: '6.9',
  about: 'Linux 6.9: the first release with arenas; a copy of a mapping and its original share one record, uncounted.',
  charged: true,
  unmappedAreaError: 'errno',
};

/** The recorded 6.12.117, with what its stable branch took over by then. */
const v612: ArenaProfile = {
  ...v69,
  name: '6.12',
  about: 'Linux 6.12.117: a maple tree of allocated slots, the lowest gap first.',
  unknownNode: 'refused',
  freeBelowBase: 'ignored',
  areasAreWhole: true,
  sharersCounted: true,
  atomics: true,
};

const v613: ArenaProfile = {
  ...v69,
  name: '6.13',
  about: 'Linux 6.13: a range tree of free slots, best fit.',
  freeRanges: 'best-fit',
  sharersCounted: true,
  atomics: true,
};

/** The recorded 6.16.12. */
const v616: ArenaProfile = {
  ...v613,
  name: '6.16',
  about: 'Linux 6.16.12: load-acquire and store-release; anonymous inodes cannot be mapped executable.',
  acquireRelease: true,
  freedAreas: 'overwritten',
  extendsCmpxchg32: false,
  anonymousInodesNoExec: true,
};

/** The recorded 6.17.13. */
const v617: ArenaProfile = {
  ...v616,
  name: '6.17',
  about: 'Linux 6.17.13: bpf_arena_reserve_pages().',
  reserve: true,
  movesManyAreas: true,
};

/** The recorded 6.18.15: 6.18 before the back-ports of spring 2026. */
const v61815: ArenaProfile = {
  ...v617,
  name: '6.18.15',
  about: 'Linux 6.18.15: fault reports, sign-extending loads.',
  freedAreas: 'kept',
  signedLoads: true,
  faultReports: true,
};

/** The recorded 6.18.44: no copy on fork, no split, node check. */
const v618: ArenaProfile = {
  ...v61815,
  name: '6.18',
  about: 'Linux 6.18.44: 6.18 with mappings that are whole and nodes that are checked.',
  unknownNode: 'refused',
  areasAreWhole: true,
};

/** The recorded 6.19.14. */
const v619: ArenaProfile = { ...v61815, name: '6.19' };

/** The recorded 7.0.13, with back-ports as 6.18.44 has them. */
const v70: ArenaProfile = {
  ...v618,
  name: '7.0',
  about: 'Linux 7.0.13: any context may allocate, frees are staged and can be queued.',
  lock: 'rqspinlock',
  directOffsets: 'any',
  windowBuiltAtCreation: true,
  deferredFree: true,
  freeInStages: true,
  allocationBatch: 1024,
};

/** The recorded 7.1.13. */
const v71: ArenaProfile = {
  ...v70,
  name: '7.1',
  about: 'Linux 7.1.13: direct values end inside the arena.',
  directValue: 'inside',
};

/** The recorded 7.2.13. */
const v72: ArenaProfile = {
  ...v71,
  name: '7.2',
  about: 'Linux 7.2.13: frees below the base are refused, faulting atomics clear their destination, a scratch page.',
  freeBelowBase: 'ignored',
  zapBy: 'lookup',
  scratchPage: true,
  faultingAtomic: 'clears-destination',
  extendsCmpxchg32: true,
};

/** The recorded 7.3.4. */
const v73: ArenaProfile = {
  ...v72,
  name: '7.3',
  about: 'Linux 7.3.4: fdinfo tells the memory of an arena.',
  memoryUsage: true,
  faultAllocates: 'before-lock',
};

/** By name, the newest last. `6.18` is what the others are compared with. */
export const arenaProfiles: ReadonlyMap<string, ArenaProfile> = new Map(
  [v2, v69, v612, v613, v616, v617, v61815, v618, v619, v70, v71, v72, v73].map((profile) => [profile.name, profile]),
);
