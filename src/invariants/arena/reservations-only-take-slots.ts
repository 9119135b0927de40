import { invariant } from '../../language/invariant.ts';
import { Refusal } from '../../language/operation.ts';
import type { ArenaWorld } from '../../model/arena-world.ts';
import type { ArenaProgram } from '../../model/bpf/arena-program.ts';
import { runAt } from '../ghosts/arena-free-runs.ts';
import { arenaLedger, ledgerOf } from '../ghosts/arena-ledger.ts';
import { registerOf } from './argument-register.ts';

/** Facts I24, M9 and L8: an address inside a page is answered with 0 and reserves nothing. */
export const reservationsOnlyTakeSlots = invariant<ArenaWorld>({
  name: 'reservations-only-take-slots',
  law: 'A reservation takes exactly its slots out of the free set and touches no page; from inside a page it does nothing.',
  ghosts: [arenaLedger],
  concerns: (_, { operation, returned }) =>
    operation.name === 'bpf_arena_reserve_pages' && !(returned instanceof Refusal),
  judgeStep(world, { taken }, violated) {
    const { arena } = taken.program as ArenaProgram;
    const count = taken.count as number;
    const address = registerOf(arena, taken);
    const { slots, populated } = ledgerOf(world);
    if (populated.length > 0) violated('a reservation populated a page');
    const taking = (address & 0xfffn) === 0n && count > 0;
    const changed = slots.reduce((sum, { first, last }) => sum + last - first + 1, 0);
    if (changed !== (taking ? count : 0)) violated(`${count} slots at 0x${address.toString(16)}: ${changed} changed`);
    if (!taking) return;
    const slot = Number(BigInt.asUintN(32, address - arena.userStart) >> 12n);
    for (let at = slot; at < slot + Math.min(count, 64); at++) {
      if (runAt(arena, at) !== undefined) violated(`slot ${at} was reserved and is free`);
    }
  },
});

/** Facts I4: nothing but a reservation makes a slot that is neither free nor populated. */
export const onlyReservationsReserve = invariant<ArenaWorld>({
  name: 'only-reservations-reserve',
  law: 'A slot that a step leaves neither free nor populated was reserved by that step.',
  ghosts: [arenaLedger],
  concerns: (world) => ledgerOf(world).slots.length > 0,
  judgeStep(world, { operation }, violated) {
    if (operation.name === 'bpf_arena_reserve_pages' || operation.name === 'arena_map_free') return;
    const ledger = ledgerOf(world);
    for (const { arena, first, last } of ledger.slots) {
      for (let slot = first; slot <= Math.min(last, first + 255); slot++) {
        const index = (slot + (arena.start32 >>> 12)) % 2 ** 20;
        if (slot >= arena.attributes.maxEntries || runAt(arena, slot) !== undefined) continue;
        if (ledger.kernelFrame(arena, index) === undefined) violated(`slot ${slot} is neither free nor populated`);
      }
    }
  },
});
