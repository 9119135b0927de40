import { invariant } from '../../language/invariant.ts';
import { Refusal } from '../../language/operation.ts';
import type { ArenaWorld } from '../../model/arena-world.ts';
import { arenaLedger, ledgerOf } from '../ghosts/arena-ledger.ts';

const CALLS = ['bpf_arena_alloc_pages', 'bpf_arena_reserve_pages', 'arena_vm_fault'];

/**
 * Facts I20, I23 and M16. A failed split of a run without memory loses its right part in kernels before September 2026, and
 * a large allocation that must not sleep leaves its first batches to the worker: both are known.
 */
export const refusedCallsChangeNothing = invariant<ArenaWorld>({
  name: 'refused-calls-change-nothing',
  law: 'An allocation, a reservation or a fault that fails leaves the free slots and the pages as they were.',
  ghosts: [arenaLedger],
  after: CALLS,
  concerns: (_, { returned }) => returned instanceof Refusal,
  judgeStep(world, _, violated) {
    const { slots, entries } = ledgerOf(world);
    for (const { first, last } of slots) violated(`slots [${first}, ${last}] changed`);
    for (const { index, frame } of entries) if (frame !== undefined) violated(`index ${index} is populated`);
  },
});

/** Facts C1 and F20: the page allocator would index its nodes with it. */
export const unknownNodesAreRefused = invariant<ArenaWorld>({
  name: 'unknown-nodes-are-refused',
  law: 'An allocation from a node that does not exist is refused.',
  after: ['bpf_arena_alloc_pages'],
  concerns({ machine }, { taken }) {
    const node = (taken.node as number) | 0;
    return node < -1 || node >= machine.configuration.nodes;
  },
  judgeStep(_, { taken, returned }, violated) {
    if (!(returned instanceof Refusal)) violated(`pages came from node ${taken.node}`);
  },
});

/** Facts A4 and F5. */
export const mappingsWithoutAddressAreRefused = invariant<ArenaWorld>({
  name: 'mappings-without-address-are-refused',
  law: 'A mapping for which no address is found is refused.',
  after: ['mmap'],
  concerns: ({ failing }) => failing.failed === 'unmapped area',
  judgeStep(_, { returned }, violated) {
    if (!(returned instanceof Refusal)) violated(`the arena was mapped at 0x${(returned as bigint).toString(16)}`);
  },
});

const TOUCHES = ['process_vm_readv', 'process_vm_writev', 'arena_vm_fault', 'mmap', 'mlock', 'madvise'];

/** Facts I20. */
export const flaggedArenasAreNeverFaultedIn = invariant<ArenaWorld>({
  name: 'flagged-arenas-are-never-faulted-in',
  law: 'User space never populates an arena that has BPF_F_SEGV_ON_FAULT.',
  ghosts: [arenaLedger],
  after: TOUCHES,
  concerns: (world) => world.arenas.live.some(({ arena }) => (arena.attributes.flags & 0x2_0000) !== 0),
  judgeStep(world, _, violated) {
    for (const { arena, index, frame } of ledgerOf(world).entries) {
      if (frame !== undefined && (arena.attributes.flags & 0x2_0000) !== 0)
        violated(`index ${index} was populated by a touch`);
    }
  },
});
