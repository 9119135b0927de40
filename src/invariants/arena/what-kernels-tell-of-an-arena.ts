import { invariant } from '../../language/invariant.ts';
import { Refusal } from '../../language/operation.ts';
import type { ArenaWorld } from '../../model/arena-world.ts';
import type { ArenaProgram } from '../../model/bpf/arena-program.ts';
import type { ArenaMapping } from '../../model/bpf/arena-user-side.ts';
import { arenaLedger, ledgerOf } from '../ghosts/arena-ledger.ts';
import { lowHalfOf } from './argument-register.ts';

/** Facts I12 and F26; the scratch page is no page of the arena's. */
export const fdinfoCountsPages = invariant<ArenaWorld>({
  name: 'fdinfo-counts-pages',
  law: 'Where fdinfo tells the memory of an arena, it is that of the pages which its kernel window maps.',
  ghosts: [arenaLedger],
  after: ['fdinfo_memlock'],
  judgeStep(world, { taken, returned }, violated) {
    const { arena } = taken.arena as ArenaMapping;
    const { holders } = ledgerOf(world);
    const scratch = arena.scratch === undefined ? 0 : holders.kernel(arena.scratch);
    const pages = world.profile.memoryUsage ? ledgerOf(world).mappedBy(arena) - scratch : 0;
    if (returned !== pages * 4096) violated(`${returned} bytes are told of ${pages} pages`);
  },
});

/** Facts D3 and F22. */
export const directValuesLieInTheArena = invariant<ArenaWorld>({
  name: 'direct-values-lie-in-the-arena',
  law: 'The address of a direct value is that of a byte of the arena.',
  after: ['ld_imm64_map_value'],
  concerns: (_, { returned }) => !(returned instanceof Refusal),
  judgeStep(_, { taken, returned }, violated) {
    const { userStart, userEnd } = (taken.arena as ArenaMapping).arena;
    const relative = returned as bigint;
    if (relative !== BigInt(taken.offset as number)) violated(`offset ${taken.offset} became ${relative}`);
    if (relative < 0n || relative >= userEnd - userStart) {
      violated(`offset ${relative} was accepted in an arena of ${userEnd - userStart} bytes`);
    }
  },
});

/** Facts D4 and F24: a touch by kernel code must find something, for nothing else can go on. */
export const kernelTouchesFindAPage = invariant<ArenaWorld>({
  name: 'kernel-touches-find-a-page',
  law: 'Where kernel code touches the window of an arena there is a page afterwards: its own, or the scratch page.',
  after: ['arena_kernel_touch'],
  judgeStep(world, { taken, returned }, violated) {
    const { arena } = taken.program as ArenaProgram;
    const index = Math.floor(lowHalfOf(arena, taken) / 4096);
    const frame = world.machine.kernelTables.frameOf(arena.window.first + index);
    if (returned instanceof Refusal) violated(`the touch of index ${index} ended the kernel`);
    else if (frame < 0) violated(`nothing stands at index ${index}`);
    else if (returned === 'scratch' && frame !== arena.scratch) violated(`frame ${frame} is not the scratch page`);
  },
});
