import { invariant } from '../language/invariant.ts';
import { isExecutable, isWritable } from '../model/machine/page-table-entry.ts';
import type { World } from '../model/world.ts';
import { heldBy } from './domains/held-index.ts';
import { sayHeld, sayMapping } from './evidence.ts';
import { mappings, mappingsOf } from './ghosts/mappings.ts';

const isBoth = (flags: number): boolean => isWritable(flags) && isExecutable(flags);

export const nothingOfBootStaysWritableAndExecutable = invariant({
  name: 'nothing-of-boot-stays-writable-and-executable',
  law: 'When boot has sealed the kernel image, nothing that was writable and executable until then is so any more, in tables or CPUs.',
  ghosts: [mappings],
  concerns: ({ markRodataRo }: World, { changes }) =>
    markRodataRo.isSealed && changes.of(Object).includes(markRodataRo.progress),
  judgeStep(world: World, _, violated) {
    for (const mapping of mappingsOf(world).leaves()) {
      if (isBoth(mapping.flags)) violated(`${sayMapping(mapping)} is still writable and executable`);
    }
    for (const held of heldBy(world)) {
      if (isBoth(held.translation.flags)) violated(`${sayHeld(held)}, still writable and executable`);
    }
  },
});
