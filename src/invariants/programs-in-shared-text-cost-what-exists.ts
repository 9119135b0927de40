import { invariant } from '../language/invariant.ts';
import type { World } from '../model/world.ts';
import { sharedTextAccount } from './ghosts/shared-text-account.ts';

/** The same account as that of packs, where programs have their text from an allocator that everybody shares. */
export const programsInSharedTextCostWhatExists = invariant<World>({
  name: 'programs-in-shared-text-cost-what-exists',
  law: 'bpf_jit_current is the sum of what the existing programs were charged; other users of shared text are charged nothing.',
  ghosts: [sharedTextAccount],
  judge(world, violated) {
    const { current } = world.text.limit;
    const { charge } = sharedTextAccount.of(world).account;
    if (current !== charge) violated(`charged is ${current}, what exists costs ${charge}`);
  },
});
