import { type Occurrence, required } from '../language/occurrence.ts';
import { Refusal } from '../language/operation.ts';
import type { World } from '../model/world.ts';

/** What runs over vmalloc areas should meet. The shares are about half of what was measured over a thousand runs. */
export const vmallocOccurrences: readonly Occurrence<World>[] = [
  required(0.2, {
    name: 'an-area-is-refused',
    says: 'An area cannot be had: no memory, no addresses, or a failing allocation.',
    after: ['vmalloc'],
    happens: (_, { returned }) => returned instanceof Refusal,
  }),
  required(0.2, {
    name: 'a-purge-has-work',
    says: 'Lazily freed areas wait when a purge comes.',
    after: ['vm_unmap_aliases'],
    happens: (_, { changes }) => {
      let any = false;
      changes.each(() => {
        any = true;
      });
      return any;
    },
  }),
];
