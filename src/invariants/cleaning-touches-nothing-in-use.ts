import { invariant } from '../language/invariant.ts';
import { describeText } from '../model/kernel/text-address.ts';
import type { World } from '../model/world.ts';
import { sharedTextAccount } from './ghosts/shared-text-account.ts';

const DEFERRED = new Set(['execmem_cache_clean', 'execmem_cache_free_slow']);

/** Deferred work can run at any moment, any number of times: nobody who holds text may notice it. */
export const cleaningTouchesNothingInUse = invariant<World>({
  name: 'cleaning-touches-nothing-in-use',
  law: 'After deferred work everybody still holds what he held, mapped and backed by memory.',
  ghosts: [sharedTextAccount],
  concerns: (_, { operation }) => DEFERRED.has(operation.name),
  judgeStep(world, _, violated) {
    const account = sharedTextAccount.of(world);
    for (const { start, owner } of account.held) {
      if (account.blockAt(start) === undefined) violated(`a ${owner.kind} at ${describeText(start)} lost its memory`);
    }
  },
});
