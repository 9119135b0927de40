import { JournaledNumbers } from '../../base/journaled-numbers.ts';
import { type Ghost, invariant } from '../../language/invariant.ts';
import type { ArenaWorld } from '../../model/arena-world.ts';
import { Arena } from '../../model/bpf/arena.ts';
import { arenaLedger, ledgerOf } from '../ghosts/arena-ledger.ts';

/** Pages that each cgroup should pay for, told from the entries of kernel windows and from who holds frames. */
class Bills {
  /** By frame: the number of the cgroup of the arena that it was first mapped for. */
  readonly payerOf: JournaledNumbers;
  /** By number of the cgroup, counted from 1. */
  readonly pages: JournaledNumbers;

  constructor({ journal }: ArenaWorld) {
    this.payerOf = new JournaledNumbers(journal);
    this.pages = new JournaledNumbers(journal);
  }

  set(frame: number, payer: number): void {
    const before = this.payerOf.get(frame);
    if (before === payer) return;
    this.payerOf.set(frame, payer);
    if (before > 0) this.pages.set(before, this.pages.get(before) - 1);
    if (payer > 0) this.pages.set(payer, this.pages.get(payer) + 1);
  }
}

const bills = new WeakMap<ArenaWorld, Bills>();

/** Which cgroup created each arena: noted when it is made, by the argument of the call. */
const creators = new WeakMap<Arena, number>();

const pageBills: Ghost<ArenaWorld> = {
  name: 'page-bills',
  begin: (world) => void bills.set(world, new Bills(world)),
  follow(world, { operation, taken, returned }) {
    const made = operation.name === 'arena_map_alloc' ? (returned as { readonly arena?: Arena }).arena : undefined;
    if (made instanceof Arena) creators.set(made, taken.cgroup as number);
    const { entries, frames, holders } = ledgerOf(world);
    if (frames.length === 0) return;
    const bill = bills.get(world)!;
    for (const { arena, frame } of entries) {
      if (frame !== undefined && frame !== arena.scratch) bill.set(frame, creators.get(arena) ?? 0);
    }
    for (const frame of frames) {
      if (holders.kernel(frame) + holders.users(frame) + holders.calls(frame) === 0) bill.set(frame, 0);
    }
  },
};

/** Facts B3 and F4: whoever touches a page, the creator of the map pays, until the last holder lets go. */
export const creatorsPayForPages = invariant<ArenaWorld>({
  name: 'creators-pay-for-pages',
  law: 'A memory cgroup is charged for exactly the pages of the arenas that it created, and for no more than its limit allowed.',
  ghosts: [arenaLedger, pageBills],
  concerns: (world) => world.profile.charged && ledgerOf(world).frames.length > 0,
  judgeStep(world, _, violated) {
    const { pages } = bills.get(world)!;
    for (const [index, { name, charged }] of world.cgroups.entries()) {
      const owed = pages.get(index + 1);
      if (charged !== owed) violated(`the ${name} cgroup is charged for ${charged} pages and has ${owed}`);
    }
  },
});
