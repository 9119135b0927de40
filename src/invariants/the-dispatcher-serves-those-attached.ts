import { invariant } from '../language/invariant.ts';
import type { World } from '../model/world.ts';
import { dispatcherTable, type Target } from './ghosts/dispatcher-table.ts';

/** The table's account is kept from attachments alone; what a half holds is the affair of the laws of content. */
export const theDispatcherServesThoseAttached = invariant<World>({
  name: 'the-dispatcher-serves-those-attached',
  law: 'Callers of the dispatcher jump to the half that was written last while a program is attached, and call indirectly otherwise.',
  ghosts: [dispatcherTable],
  judge(world, violated) {
    const { target } = world.text.dispatcher;
    const due = dispatcherTable.of(world).target;
    if (target !== due) violated(`callers jump to ${say(target)}, due is ${say(due)}`);
  },
});

const say = (target: Target): string => (target === 'nop' ? 'the indirect call' : `half ${target}`);
