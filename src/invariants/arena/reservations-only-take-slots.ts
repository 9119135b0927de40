import { invariant } from '../../language/invariant.ts';
import { Refusal } from '../../language/operation.ts';
import type { ArenaWorld } from '../../model/arena-world.ts';
import type { ArenaProgram } from '../../model/bpf/arena-program.ts';
import { runAt } from '../ghosts/arena-free-runs.ts';
import { arenaLedger, ledgerOf } from '../ghosts/arena-ledger.ts';
import { lowHalfOf } from './argument-register.ts';

/** Facts I24, M9 and L8: an address inside a page is answered with 0 and reserves nothing. */
export const reservationsOnlyTakeSlots = invariant<ArenaWorld>({
  name: 'reservations-only-take-slots',
  law: 'A reservation takes exactly its slots out of the free set and touches no page; from inside a page it does nothing.',
  ghosts: [arenaLedger],
  after: ['bpf_arena_reserve_pages'],
  concerns: (_, { returned }) => !(returned instanceof Refusal),
  judgeStep(world, { taken }, violated) {
    const { arena } = taken.program as ArenaProgram;
    const count = (taken.count as number) >>> 0;
    const low = lowHalfOf(arena, taken);
    const { slots, populated } = ledgerOf(world);
    if (populated > 0) violated('a reservation populated a page');
    const taking = low % 4096 === 0 && count > 0;
    let changed = 0;
    for (const { first, last } of slots) changed += last - first + 1;
    if (changed !== (taking ? count : 0)) violated(`${count} slots at 0x${low.toString(16)}: ${changed} changed`);
    if (!taking) return;
    const slot = ((low - arena.start32) >>> 0) >>> 12;
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
  concerns: (world, { operation }) =>
    ledgerOf(world).slots.length > 0 &&
    operation.name !== 'bpf_arena_reserve_pages' &&
    operation.name !== 'arena_map_free',
  judgeStep(world, _, violated) {
    const ledger = ledgerOf(world);
    for (const { arena, first, last } of ledger.slots) {
      const { maxEntries } = arena.attributes;
      for (let slot = first; slot <= Math.min(last, first + 255, maxEntries - 1); slot++) {
        const index = (slot + (arena.start32 >>> 12)) % 2 ** 20;
        if (ledger.kernelFrame(arena, index) !== undefined) continue;
        const run = runAt(arena, slot);
        if (run === undefined) violated(`slot ${slot} is neither free nor populated`);
        else slot = run.last;
      }
    }
  },
});
