import { invariant } from '../language/invariant.ts';
import { describeText } from '../model/kernel/text-address.ts';
import type { World } from '../model/world.ts';

/** Otherwise a request may not fit though there is room, and no block is ever seen to be empty. */
export const freeTextAreasNeverTouch = invariant<World>({
  name: 'free-text-areas-never-touch',
  law: 'Free areas that touch are one area, across blocks too where these have no guard page between them.',
  judge({ sharing: { shared } }, violated) {
    let end: number | undefined;
    for (const range of shared.free) {
      if (range.start === end) violated(`two free areas touch at ${describeText(range.start)}`);
      end = range.end;
    }
  },
});
