import type { Happened } from '../../language/invariant.ts';
import { type KernelBug, kernelBug } from '../../language/kernel-bug.ts';
import type { ArenaWorld } from '../../model/arena-world.ts';
import type { Arena } from '../../model/bpf/arena.ts';
import type { ArenaProgram } from '../../model/bpf/arena-program.ts';
import type { ArenaMapping } from '../../model/bpf/arena-user-side.ts';
import { lowHalfOf } from './argument-register.ts';

const FREES = new Set(['bpf_arena_free_pages', 'arena_free_begin']);

/** Whether the step frees from an address below the base in the window of the arena. */
function freesBelowBase({ operation, taken }: Happened): boolean {
  if (!FREES.has(operation.name)) return false;
  const { arena } = taken.program as ArenaProgram;
  return lowHalfOf(arena, taken) < arena.start32;
}

const freeBelowBase = kernelBug<ArenaWorld>({
  name: 'free-below-base',
  story:
    'bpf_arena_free_pages() of an address below the arena computes a slot far above its end and puts that into the free set; a later allocation can return an address outside of the arena.',
  kernels: ['arena-v2', '6.9', '6.13', '6.16', '6.17', '6.18', '6.18.15', '6.19', '7.0', '7.1'],
  laws: [
    'frees-stay-inside-the-arena',
    'free-slots-lie-inside-the-arena',
    'only-reservations-reserve',
    'free-slots-hold-no-page',
  ],
  fix: 'b5a71cb2db6d "bpf: Reject arena frees below the arena base"',
  recognises: (_, happened) => freesBelowBase(happened) || happened.operation.name === 'arena_free_worker',
});

const staleEntryRace = kernelBug<ArenaWorld>({
  name: 'stale-entry-race',
  story:
    'A fault has taken the page, a free clears and zaps it, and only then the fault installs its entry: the user keeps a page that the kernel no longer has.',
  kernels: ['arena-v2', '6.9', '6.12', '6.13', '6.16', '6.17', '6.18', '6.18.15', '6.19', '7.0', '7.1', '7.2', '7.3'],
  laws: ['users-see-the-kernels-page'],
  // While the free is under way its call holds the page, so that a fault that ends before then shows at the release.
  recognises: (_, { operation }) => operation.name === 'finish_fault' || operation.name === 'arena_free_release',
});

const sharedAreaRecord = kernelBug<ArenaWorld>({
  name: 'shared-area-record',
  story:
    'A fork or a split makes a copy of an area that shares its record; a free zaps only the area that the record names, which may be gone.',
  kernels: ['arena-v2', '6.9', '6.13', '6.16', '6.17', '6.18.15', '6.19'],
  laws: ['records-name-live-areas', 'areas-are-whole'],
  fix: '4fddde2a732d "bpf: Fix use-after-free in arena_vm_close on fork"',
  recognises: (_, { operation }) =>
    ['fork', 'munmap', 'mprotect', 'mremap', 'mmap', 'mmap_anonymous', 'madvise', 'exit_mmap'].includes(operation.name),
});

const slotsLostWithoutMemory = kernelBug<ArenaWorld>({
  name: 'slots-lost-without-memory',
  story:
    'Without memory for a node, cutting a free run loses its right part and setting a run loses what was inside: neither free nor used.',
  kernels: ['6.13', '6.16', '6.17', '6.18', '6.18.15', '6.19', '7.0', '7.1', '7.2', '7.3'],
  laws: ['refused-calls-change-nothing', 'only-reservations-reserve', 'freed-pages-are-gone'],
  fix: '3941710a504a and b51b058999e0 (September 2026)',
  recognises: ({ failing }) => failing.failed === 'range node',
});

const searchErrorIsAddressZero = kernelBug<ArenaWorld>({
  name: 'search-error-is-address-zero',
  story: 'Where no address is found for a mapping, the patch set answers 0 instead of the error.',
  kernels: ['arena-v2'],
  laws: ['the-user-range-is-one-window', 'mappings-without-address-are-refused'],
  recognises: (_, { operation }) => operation.name === 'mmap',
});

const castInTheUpperHalf = kernelBug<ArenaWorld>({
  name: 'cast-in-the-upper-half',
  story:
    'An arena may be created with a base in the upper half of all addresses; the JIT extends the sign of its upper word, and every cast to user space has ones as its low half.',
  kernels: ['arena-v2', '6.9', '6.12', '6.13', '6.16', '6.17', '6.18', '6.18.15', '6.19', '7.0', '7.1', '7.2', '7.3'],
  laws: ['casts-agree'],
  recognises: (_, { operation, taken }) =>
    operation.name === 'addr_space_cast' && (taken.program as ArenaProgram).userStart >> 63n === 1n,
});

const zapOfAGoneArea = kernelBug<ArenaWorld>({
  name: 'zap-of-a-gone-area',
  story:
    'A free walks areas of other processes without mmap_lock: one can be unmapped after it was read from the list.',
  kernels: ['7.0', '7.1'],
  laws: ['zaps-walk-areas-that-stand'],
  fix: '80b89d0226a0 "bpf: Take mmap_lock in zap_pages()" (CVE-2026-74354)',
  recognises: (_, { operation }) => operation.name === 'arena_free_zap',
});

/** The arena of a step's program or mapping. */
function arenaOf({ taken }: Happened): Arena | undefined {
  return ((taken.program ?? taken.arena) as { readonly arena?: Arena } | undefined)?.arena;
}

const rangeOfAnotherLength = kernelBug<ArenaWorld>({
  name: 'range-of-another-length',
  story:
    'The first mapping of an arena without an address fixes its range, whatever its length: with less than max_entries, allocations return pages behind the range and even in the guard; with more, faults populate slots behind max_entries.',
  kernels: ['arena-v2', '6.9', '6.12', '6.13', '6.16', '6.17', '6.18', '6.18.15', '6.19', '7.0', '7.1', '7.2', '7.3'],
  laws: ['pages-lie-in-the-band', 'only-reservations-reserve'],
  recognises(_, happened) {
    const arena = arenaOf(happened);
    return arena !== undefined && arena.userPages !== arena.attributes.maxEntries;
  },
});

const directValueBehindTheEnd = kernelBug<ArenaWorld>({
  name: 'direct-value-behind-the-end',
  story: 'The verifier accepts the address of the byte right behind an arena as a direct value.',
  kernels: ['arena-v2', '6.9', '6.12', '6.13', '6.16', '6.17', '6.18', '6.18.15', '6.19', '7.0'],
  laws: ['direct-values-lie-in-the-arena'],
  fix: '3ac1a467e376 "bpf: Fix off-by-one boundary validation in arena direct-value access"',
  recognises: (_, { taken }) => (taken.arena as ArenaMapping).arena.userPages * 4096 === taken.offset,
});

const failedFaultFreesReservation = kernelBug<ArenaWorld>({
  name: 'failed-fault-frees-a-reservation',
  story:
    'A fault claims its slot whether that is free or reserved; when no page can be had for it, it gives the slot back as free, and the reservation is gone (derived: facts L1).',
  kernels: ['6.17', '6.18', '6.18.15', '6.19', '7.0', '7.1', '7.2', '7.3'],
  laws: ['refused-calls-change-nothing'],
  recognises(_, { operation, taken }) {
    if (operation.name !== 'arena_vm_fault') return false;
    const { arena } = taken.arena as ArenaMapping;
    return arena.free.isFree(taken.page as number);
  },
});

/** What kernels with arenas do against the laws. */
export const arenaKernelBugs: readonly KernelBug<ArenaWorld>[] = [
  freeBelowBase,
  staleEntryRace,
  sharedAreaRecord,
  slotsLostWithoutMemory,
  searchErrorIsAddressZero,
  castInTheUpperHalf,
  zapOfAGoneArea,
  rangeOfAnotherLength,
  directValueBehindTheEnd,
  failedFaultFreesReservation,
];
