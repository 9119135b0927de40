import { invariant } from '../../language/invariant.ts';
import type { ArenaWorld } from '../../model/arena-world.ts';
import { arenaLedger, ledgerOf } from '../ghosts/arena-ledger.ts';

/** Steps that populate and then write in one go cannot be judged by what the page holds afterwards. */
const WRITES = new Set(['process_vm_writev']);

/** Facts I13: an old page's content must not reach its next user. */
export const newPagesAreZero = invariant<ArenaWorld>({
  name: 'new-pages-are-zero',
  law: 'A page is all zero when its slot first becomes visible.',
  ghosts: [arenaLedger],
  concerns: (world, { operation }) => ledgerOf(world).populated > 0 && !WRITES.has(operation.name),
  judgeStep(world, _, violated) {
    for (const { arena, index, frame } of ledgerOf(world).entries) {
      if (frame === undefined || frame === arena.scratch) continue;
      const page = world.machine.memory.frame(frame);
      const zero =
        page.uniformByte === 0 || (page.uniformByte === undefined && page.view().every((byte) => byte === 0));
      if (!zero) violated(`the new page at index ${index} (frame ${frame}) is not zero`);
    }
  },
});
