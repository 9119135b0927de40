import { invariant } from '../language/invariant.ts';
import type { World } from '../model/world.ts';

export const noCpuWalksAFreedTable = invariant({
  name: 'no-cpu-walks-a-freed-table',
  law: 'A table that some CPU may start a walk from still serves as a page table.',
  judge({ machine }: World, violated) {
    for (const { number, mmu } of machine.cpus) {
      for (const { table } of mmu.tlb.tables()) {
        const { use } = machine.memory.frame(table);
        if (use !== 'page-table') violated(`CPU ${number} may walk from frame ${table}, which is ${use} now`);
      }
    }
  },
});
