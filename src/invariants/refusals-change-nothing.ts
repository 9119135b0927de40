import { invariant } from '../language/invariant.ts';
import { Refusal } from '../language/operation.ts';
import type { World } from '../model/world.ts';
import { dispatcherTable } from './ghosts/dispatcher-table.ts';
import { textOwners } from './ghosts/text-owners.ts';

/**
 * Error purity of the allocators. The splits of the direct map that a failed change left behind, and the frames and tables
 * that came and went, are no difference; what is charged and listed is. What is mapped is judged by
 * refused-operations-map-nothing. A program whose finalize fails is no program: its JIT falls back to the interpreter and
 * never frees it, so nothing of it may stay.
 */
export const refusalsChangeNothing = invariant<World>({
  name: 'refusals-change-nothing',
  law: 'A step that the kernel refuses leaves charges and packs as they were, and no text that nobody will free.',
  ghosts: [dispatcherTable, textOwners],
  concerns: (_, { returned }) => returned instanceof Refusal,
  judgeStep(world, { operation, taken, changes }, violated) {
    const { limit, packs } = world.text;
    let charged: number | undefined;
    let packsBefore = packs.packs.length;
    changes.each((owner, key, old) => {
      if (owner === limit && key === 'current') charged ??= old as number;
      if (owner === packs.packs) packsBefore += Array.isArray(old) ? 1 : -1;
    });
    if (packsBefore !== packs.packs.length) violated(`${packsBefore} packs before, ${packs.packs.length} after`);
    if (charged !== undefined && charged !== limit.current) {
      violated(`${charged} was charged before, ${limit.current} after`);
    }
    if (operation.name === 'bpf_jit_binary_pack_finalize') {
      const owner = textOwners.of(world).owners.get(taken.prog as object);
      if (owner !== undefined)
        violated(`${owner.size} bytes of text and their charge are left, and nobody will free them`);
    }
  },
});
