import { invariant } from '../../language/invariant.ts';
import { Refusal } from '../../language/operation.ts';
import type { ArenaWorld } from '../../model/arena-world.ts';
import type { ArenaProgram } from '../../model/bpf/arena-program.ts';
import { freeRunsOf } from '../ghosts/arena-free-runs.ts';

/**
 * Facts M12. Kernels since 7.0 may fail without a reason that can be seen (F31); the model fails only where a trace says so,
 * which is left out here, and so are runs behind the end that frees below the base have made.
 */
export const allocationsSucceedWhereARunFits = invariant<ArenaWorld>({
  name: 'allocations-succeed-where-a-run-fits',
  law: 'A right request for pages anywhere is served when a run of free slots holds them and memory is left.',
  after: ['bpf_arena_alloc_pages'],
  concerns: (_, { taken, returned }) =>
    returned instanceof Refusal &&
    taken.form === 'null' &&
    taken.failing === 0 &&
    taken.flags === 0n &&
    ((taken.node as number) | 0) === -1,
  judgeStep(_, { taken }, violated) {
    const { arena } = taken.program as ArenaProgram;
    const count = (taken.count as number) >>> 0;
    const { payer } = arena;
    if (payer !== undefined && payer.charged + count > payer.limit) return;
    if (count === 0 || count > Math.min(arena.userPages, arena.attributes.maxEntries)) return;
    for (const { first, last } of freeRunsOf(arena).items()) {
      const end = Math.min(last, arena.attributes.maxEntries - 1, arena.userPages - 1);
      if (last > 2 ** 21 || last < arena.attributes.maxEntries) {
        if (end - first + 1 >= count) violated(`${count} slots were refused and [${first}, ${end}] are free`);
      }
    }
  },
});
