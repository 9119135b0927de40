import { invariant } from '../../language/invariant.ts';
import type { ArenaWorld } from '../../model/arena-world.ts';
import { ArenaMapping } from '../../model/bpf/arena-user-side.ts';
import { userPages } from '../domains/arena.ts';
import { arenaLedger, ledgerOf, type TouchedPage } from '../ghosts/arena-ledger.ts';

/** Facts I10, I11 and I18. A page whose free is still under way may be seen until its zap (facts J2). */
export const usersSeeTheKernelsPage = invariant<ArenaWorld, TouchedPage>({
  name: 'users-see-the-kernels-page',
  law: 'What a user entry maps is what the kernel maps at the same address, in every process.',
  ghosts: [arenaLedger],
  over: userPages,
  judge(world, { process, page }, violated) {
    const ledger = ledgerOf(world);
    const frame = ledger.userFrame(process, page);
    if (frame === undefined) return;
    const area = process.areaAt(page);
    if (!(area?.file instanceof ArenaMapping)) {
      if (area !== undefined && world.machine.memory.frame(frame).use === 'anonymous') return;
      violated(
        `process ${process.number} still maps frame ${frame} at page ${page.toString(16)}, where nothing is mapped`,
      );
      return;
    }
    const kernels = ledger.kernelFrame(area.file.arena, page % 2 ** 20);
    if (kernels === frame || awaitsZap(world, frame)) return;
    violated(
      `process ${process.number} maps frame ${frame} at page ${page.toString(16)}, the kernel ${kernels ?? 'nothing'}`,
    );
  },
});

/** A frame that a free under way has taken from the kernel's tables and not zapped yet is held by that call. */
export function awaitsZap(world: ArenaWorld, frame: number): boolean {
  return ledgerOf(world).holders.calls(frame) > 0;
}
