import { invariant } from '../../language/invariant.ts';
import type { ArenaWorld } from '../../model/arena-world.ts';
import { Arena } from '../../model/bpf/arena.ts';
import { arenas } from '../domains/arena.ts';
import { arenaLedger, ledgerOf } from '../ghosts/arena-ledger.ts';

/** Facts I14. */
export const theUserRangeIsOneWindow = invariant<ArenaWorld, Arena>({
  name: 'the-user-range-is-one-window',
  law: "An arena's user range is whole pages, at most 4 GiB, and does not cross a multiple of 4 GiB.",
  ghosts: [arenaLedger],
  over: arenas,
  judge(_, { userStart, userEnd }, violated) {
    if (userStart === 0n && userEnd === 0n) return;
    const bytes = userEnd - userStart;
    if (((userStart | userEnd) & 0xfffn) !== 0n) violated('the user range is not page aligned');
    if (bytes <= 0n || bytes > 1n << 32n) violated(`the user range has ${bytes} bytes`);
    if (userStart >> 32n !== (userEnd - 1n) >> 32n) violated('the user range crosses a multiple of 4 GiB');
  },
});

/** Facts I15: compiled programs hold the start of the range. */
export const theUserRangeIsFixedOnce = invariant<ArenaWorld>({
  name: 'the-user-range-is-fixed-once',
  law: 'Once an arena has a user range it keeps it for good.',
  ghosts: [arenaLedger],
  concerns: (world) => ledgerOf(world).arenasChanged,
  judgeStep(_, { changes }, violated) {
    changes.each((owner, key, old) => {
      if (owner instanceof Arena && (key === 'userStart' || key === 'userEnd') && old !== 0n) {
        violated(`${key} was 0x${(old as bigint).toString(16)} and is 0x${owner[key].toString(16)} now`);
      }
    });
  },
});
