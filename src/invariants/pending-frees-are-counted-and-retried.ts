import { invariant } from '../language/invariant.ts';
import type { World } from '../model/world.ts';

/** Whatever could not be freed is freed in the end, as long as memory comes back: the delayed work knows of it until then. */
export const pendingFreesAreCountedAndRetried = invariant<World>({
  name: 'pending-frees-are-counted-and-retried',
  law: 'The count of pending frees is the number of marked ranges, and while there is one the delayed work is scheduled.',
  judge({ sharing: { cache } }, violated) {
    let marked = 0;
    for (const { pending } of cache.busy) if (pending === true) marked++;
    const { pendingFrees, retryScheduled } = cache.work;
    if (marked !== pendingFrees) violated(`${marked} ranges are marked, ${pendingFrees} are counted`);
    if (pendingFrees > 0 && !retryScheduled) violated(`${pendingFrees} ranges are pending and nobody will try again`);
  },
});
