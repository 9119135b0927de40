import { invariant } from '../../language/invariant.ts';
import { Refusal } from '../../language/operation.ts';
import type { ArenaWorld } from '../../model/arena-world.ts';
import type { ArenaMapping } from '../../model/bpf/arena-user-side.ts';

/** Facts A1 and H9: which of several mistakes is answered is part of the interface. */
export const creationIsRefusedInOrder = invariant<ArenaWorld>({
  name: 'creation-is-refused-in-order',
  law: 'Attributes are refused as EINVAL, then E2BIG above 4 GiB, then ERANGE across a multiple of it, and else accepted.',
  after: ['arena_map_alloc'],
  concerns: (_, { taken }) => taken.failing === 0,
  judgeStep(_, { taken, returned }, violated) {
    const answer = returned instanceof Refusal ? returned.answer : 'ok';
    const slots = taken.slots as number;
    const wrong =
      taken.key_size !== 0 ||
      taken.value_size !== 0 ||
      slots === 0 ||
      taken.mmapable !== true ||
      taken.other_flags !== 0;
    const expected = wrong || taken.place === 'unaligned' ? '-EINVAL' : slots > 2 ** 20 ? '-E2BIG' : undefined;
    if (expected !== undefined && answer !== expected) violated(`${slots} slots: ${answer} instead of ${expected}`);
    if (expected === undefined && answer !== 'ok' && answer !== '-ERANGE') violated(`good attributes: ${answer}`);
    if (!(returned instanceof Refusal)) {
      const { userStart, userEnd } = (returned as ArenaMapping).arena;
      const crosses = userStart !== 0n && userStart / 2n ** 32n !== (userEnd - 1n) / 2n ** 32n;
      if (crosses) violated('an arena across a multiple of 4 GiB was accepted');
    }
  },
});
