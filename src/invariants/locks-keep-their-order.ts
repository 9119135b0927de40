import { invariant } from '../language/invariant.ts';
import { lockClasses } from '../model/kernel/locks.ts';
import type { World } from '../model/world.ts';

export const locksKeepTheirOrder = invariant({
  name: 'locks-keep-their-order',
  law: 'No mutex is taken under a spinlock, and no two locks are ever taken in both orders.',
  judge({ locks: { heldBefore } }: World, violated) {
    for (let taken = 0; taken < heldBefore.length; taken++) {
      if (heldBefore[taken] === 0) continue;
      for (let held = 0; held < heldBefore.length; held++) {
        if (((heldBefore[taken]! >> held) & 1) === 0) continue;
        const [outer, inner] = [lockClasses[held]!, lockClasses[taken]!];
        if (outer.kind === 'spinlock' && inner.kind === 'mutex') {
          violated(`${inner.name} was taken under the spinlock ${outer.name}`);
        }
        if (reaches(heldBefore, held, taken)) violated(`${outer.name} and ${inner.name} are taken in both orders`);
      }
    }
  },
});

/** Whether the lock was ever taken, directly or through others, while `holder` was held. */
function reaches(heldBefore: readonly number[], lock: number, holder: number): boolean {
  let above = heldBefore[lock]!;
  for (let round = 0; round < heldBefore.length; round++) {
    for (let index = 0; index < heldBefore.length; index++) if ((above >> index) & 1) above |= heldBefore[index]!;
  }
  return ((above >> holder) & 1) === 1;
}
