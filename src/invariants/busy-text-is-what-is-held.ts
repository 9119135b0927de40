import { invariant } from '../language/invariant.ts';
import { describeText } from '../model/kernel/text-address.ts';
import type { World } from '../model/world.ts';
import { sharedTextAccount } from './ghosts/shared-text-account.ts';

/** Ranges whose free is still to come are busy and held by nobody: they are marked as pending. */
export const busyTextIsWhatIsHeld = invariant<World>({
  name: 'busy-text-is-what-is-held',
  law: 'A range is busy exactly while somebody holds it, from its first byte to its last.',
  ghosts: [sharedTextAccount],
  judge(world, violated) {
    const { held } = sharedTextAccount.of(world);
    const { busy } = world.sharing.shared;
    for (const { start, end, pending } of busy) {
      const holder = held.at(start);
      if (pending === true ? holder === undefined : holder?.start === start && holder.end === end) continue;
      const shown = pending === true ? 'waits to be freed' : 'is busy';
      const by = holder === undefined ? 'nobody' : `a ${holder.owner.kind} of ${holder.owner.size} bytes`;
      violated(`${end - start} bytes at ${describeText(start)} are what ${shown}, held by ${by}`);
    }
    for (const { start, owner } of held) {
      if (busy.at(start)?.start !== start) violated(`a ${owner.kind} at ${describeText(start)} is held and not busy`);
    }
  },
});
