import { compareVersions, versionOf } from './release.ts';

/**
 * What must not be done to a running kernel, because it can warn (which taints, and ends a machine with panic_on_warn), kill
 * the caller, leave a lock held until reboot, or crash. A live target describes what it is about to do as an
 * {@link Attempt} and asks first; a hazard is performed only where the user allowed it by name, on a machine that may be lost.
 *
 * Each entry was seen to do harm, or follows from the source it names. Kernels that are known to be safe are left out of its
 * ranges; all others count as threatened.
 */
export interface Hazard {
  /** What `--allow-hazard` takes. */
  readonly name: string;
  readonly harm: 'taints' | 'leaks' | 'corrupts' | 'crashes' | 'locks up' | 'unknown';
  readonly story: string;
  readonly source: string;
  /** Releases that are threatened; without any, all are. */
  readonly kernels?: readonly ReleaseRange[];
  threatens(attempt: Attempt): boolean;
}

interface ReleaseRange {
  /** The first release that is threatened. */
  readonly from: string;
  /** The first one after it that is not; without it all later ones are threatened. */
  readonly before?: string;
}

/** Something that a live target is about to do, as far as a hazard may lie in it. */
export type Attempt =
  | {
      readonly kind: 'arena-mmap';
      /** As given when the arena was created. */
      readonly mapExtra: bigint;
      /** The pages of the arena, its mapping and the request: the most of them. */
      readonly maxEntries: number;
      readonly fixed: boolean;
      /** Whether something is mapped where it asks to be, or within its length behind. */
      readonly mapped: boolean;
    }
  | {
      readonly kind: 'arena-alloc';
      readonly node: number;
      readonly nodeExists: boolean;
      /** Whether several pages are asked for while slots behind an end at 4 GiB count as free. */
      readonly reachesGuard: boolean;
    }
  | {
      readonly kind: 'arena-free';
      /** Whether it begins below the arena's base. */
      readonly belowBase: boolean;
      /** Whether it does, and reaches the base. */
      readonly crossesBase: boolean;
    }
  | {
      readonly kind: 'arena-atomic';
      /** Whether its operand lies in two cache lines, on a CPU that makes this an exception. */
      readonly splitsLock: boolean;
    }
  | { readonly kind: 'arena-madvise-dofork' }
  | { readonly kind: 'arena-page-to-kernel'; readonly present: boolean }
  | {
      readonly kind: 'core-relocation';
      readonly relocation: RelocationSubject;
      readonly localKind: string;
      readonly accessors: readonly number[];
    };

/** What a CO-RE relocation is about: a field, a type or a value of an enumeration. */
export type RelocationSubject = 'field' | 'type' | 'enum-value';

export const hazards: readonly Hazard[] = [
  {
    name: 'arena-mapped-at-a-kernel-address',
    harm: 'taints',
    story:
      'map_extra in the upper half or non-canonical is accepted at creation; mmap() of such an arena warns and fails.',
    source: 'kernel/bpf/arena.c:arena_get_unmapped_area(); seen on 6.18.44',
    threatens: (attempt) => attempt.kind === 'arena-mmap' && attempt.mapExtra >= END_OF_USER_HALF,
  },
  {
    name: 'second-unfixed-mapping-of-a-large-arena',
    harm: 'taints',
    story:
      'A mapping without MAP_FIXED whose place is taken is offered another one, and where that crosses a multiple of 4 GiB the kernel warns: always with an arena of 4 GiB, hardly ever with a small one.',
    source: 'kernel/bpf/arena.c:arena_get_unmapped_area(); seen on 6.18.44 with 4 GiB',
    threatens: (attempt) =>
      attempt.kind === 'arena-mmap' && attempt.mapped && !attempt.fixed && attempt.maxEntries > SMALL_ARENA_PAGES,
  },
  {
    name: 'arena-free-below-the-base',
    harm: 'leaks',
    story:
      'A free below the base makes slots free that no arena has. What is allocated there lies outside of the arena, and after the next such free pages can be free under two numbers.',
    source: 'kernel/bpf/arena.c:arena_free_pages(), mended by b5a71cb2db6d; seen on 6.18.44',
    kernels: [{ from: '6.9', before: '7.2' }],
    threatens: (attempt) => attempt.kind === 'arena-free' && attempt.belowBase,
  },
  {
    name: 'arena-free-across-the-base',
    harm: 'corrupts',
    story:
      'A free that begins below the base and reaches it makes one page free under two numbers. An allocation of several pages that meets the page in use fails half way, frees its pages and leaves one of them mapped; destroying the arena frees that page again, whoever has it by then.',
    source: 'kernel/bpf/arena.c:arena_alloc_pages(), mm/vmalloc.c:vmap_pages_pte_range(); seen on 6.18.44',
    kernels: [{ from: '6.9', before: '7.2' }],
    threatens: (attempt) => attempt.kind === 'arena-free' && attempt.crossesBase,
  },
  {
    name: 'arena-page-in-the-upper-guard',
    harm: 'leaks',
    story:
      'After a free behind an arena that ends at a multiple of 4 GiB, several pages asked for at once can be mapped into the guard above the window; they are not freed with the map.',
    source: 'kernel/bpf/arena.c:arena_map_free() by reading; the mapping was seen on 6.18.44',
    kernels: [{ from: '6.9', before: '7.2' }],
    threatens: (attempt) => attempt.kind === 'arena-alloc' && attempt.reachesGuard,
  },
  {
    name: 'arena-pages-on-a-missing-node',
    harm: 'crashes',
    story: 'bpf_arena_alloc_pages() with a node that does not exist dereferences a bad pointer.',
    source: 'kernel/bpf/arena.c:arena_alloc_pages(); seen on 6.16.12 to 6.19.14, NULL on 6.12.117, 6.18.44 and 7.0.13',
    kernels: [
      { from: '6.16', before: '6.18.44' },
      { from: '6.19', before: '7.0' },
    ],
    threatens: (attempt) => attempt.kind === 'arena-alloc' && attempt.node !== ANY_NODE && !attempt.nodeExists,
  },
  {
    name: 'arena-atomic-across-cache-lines',
    harm: 'crashes',
    story:
      'Pointers into an arena need no alignment. An atomic operation across two cache lines raises #AC on CPUs that detect split locks, and in kernel mode that is fatal.',
    source: 'arch/x86/kernel/traps.c:exc_alignment_check(), kernel/bpf/verifier.c:check_ptr_alignment(), by reading',
    threatens: (attempt) => attempt.kind === 'arena-atomic' && attempt.splitsLock,
  },
  {
    name: 'arena-kept-across-fork',
    harm: 'unknown',
    story:
      'madvise(MADV_DOFORK) clears VM_DONTCOPY of an arena mapping, and a fork then copies it behind the back of the arena.',
    source: 'kernel/bpf/arena.c:arena_map_mmap(); never tried',
    threatens: (attempt) => attempt.kind === 'arena-madvise-dofork',
  },
  {
    name: 'absent-arena-page-given-to-the-kernel',
    harm: 'crashes',
    story: 'A helper or kfunc that is given an arena address without a page behind it faults in kernel code.',
    source: 'dc11a4dba246, 7.2: recovers with a scratch page',
    kernels: [{ from: '6.9', before: '7.2' }],
    threatens: (attempt) => attempt.kind === 'arena-page-to-kernel' && !attempt.present,
  },
  {
    name: 'type-relocation-of-an-odd-kind',
    harm: 'locks up',
    story:
      'A type relocation whose local type is a FLOAT, FUNC, VAR, DATASEC or DECL_TAG oopses while the candidate cache is ' +
      'locked: every later load that needs candidates waits until reboot.',
    source: 'tools/lib/bpf/relo_core.c:__bpf_core_types_are_compat(); seen with FLOAT, the others by reading',
    threatens: (attempt) =>
      attempt.kind === 'core-relocation' && attempt.relocation === 'type' && ODD_KINDS.has(attempt.localKind),
  },
  {
    name: 'negative-accessor',
    harm: 'crashes',
    story:
      'A negative index in the access string of a CO-RE relocation passes the upper bound and is read out of bounds.',
    source:
      'tools/lib/bpf/relo_core.c:bpf_core_parse_spec(); rejected by kernels of 2026, of which the first is not known',
    threatens: (attempt) => attempt.kind === 'core-relocation' && attempt.accessors.some((index) => index < 0),
  },
];

/** The hazards that an attempt carries on a kernel of a release, those that the user allowed left out. */
export function hazardsOf(
  attempt: Attempt,
  release: string,
  allowed: ReadonlySet<string> = new Set(),
): readonly Hazard[] {
  return hazards.filter(
    (hazard) => hazard.threatens(attempt) && !allowed.has(hazard.name) && isThreatened(hazard, versionOf(release)),
  );
}

function isThreatened({ kernels }: Hazard, version: string): boolean {
  if (kernels === undefined) return true;
  return kernels.some(
    ({ from, before }) =>
      compareVersions(version, from) >= 0 && (before === undefined || compareVersions(version, before) < 0),
  );
}

/** Where addresses end that every process can have; with five levels more can be had, but only on request. */
const END_OF_USER_HALF = 1n << 47n;
/** Two lengths of this cross a multiple of 4 GiB in one place of eight thousand. */
const SMALL_ARENA_PAGES = 64;
const ANY_NODE = -1;
const ODD_KINDS: ReadonlySet<string> = new Set(['FLOAT', 'FUNC', 'VAR', 'DATASEC', 'DECL_TAG']);
