import { invariant } from '../language/invariant.ts';
import { Frame } from '../model/machine/frame.ts';
import type { World } from '../model/world.ts';

/**
 * States are judged between steps; an order of two changes inside one step shows only in the machine's count, which is kept
 * where entries are written, below whatever decides about rights.
 */
export const rightsNeverPassThroughWriteAndExecute = invariant<World>({
  name: 'rights-never-pass-through-write-and-execute',
  law: 'No change of rights leads through an entry that can be written and executed, not even for an instant.',
  concerns: (_, { changes }) => changes.of(Frame).length > 0,
  judgeStep({ machine: { rights } }, { changes }, violated) {
    let before = rights.writableAndExecutable;
    changes.each((owner, _, old) => {
      if (owner === rights) before = Math.min(before, old as number);
    });
    const entries = rights.writableAndExecutable - before;
    if (entries > 0) violated(`${entries} changes made an entry writable and executable`);
  },
});
