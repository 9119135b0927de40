import { invariant } from '../language/invariant.ts';
import type { CoreWorld } from '../model/bpf/core-relocation/world/core-world.ts';
import { objectAfter } from './core-relocation/step.ts';

/** The argument of the review of November 2021: there can be very many descriptors, and a direct load has no use for these. */
export const recordsAreKeptForThoseWhoApplyThem = invariant<CoreWorld>({
  name: 'records-are-kept-for-those-who-apply-them',
  law: 'Before 2022 libbpf makes a descriptor of a CO-RE record only for a light skeleton; since then for every load.',
  concerns: ({ profile }, happened) =>
    profile.descriptor.remembersRecords === 'light-skeleton' &&
    objectAfter(happened, 'passed')?.object.loading === 'direct',
  judgeStep(_, happened, violated) {
    const { object } = objectAfter(happened, 'passed')!.state;
    for (const { name, relocations } of object.programs) {
      const kept = relocations.filter(({ kind }) => kind === 'core').length;
      if (kept > 0) violated(`${name} keeps ${kept} record(s) that are applied already`);
    }
  },
});
