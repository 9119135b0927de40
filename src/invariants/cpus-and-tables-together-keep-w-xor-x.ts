import { invariant } from '../language/invariant.ts';
import { isExecutable, isWritable } from '../model/machine/page-table-entry.ts';
import type { World } from '../model/world.ts';
import { type Held, heldMeeting } from './domains/held-index.ts';
import { heldTranslations } from './domains/held-translations.ts';
import { sayHeld, sayMapping } from './evidence.ts';
import { mappings, mappingsOf } from './ghosts/mappings.ts';
import { isBootText } from './no-entry-is-writable-and-executable.ts';

export const cpusAndTablesTogetherKeepWXorX = invariant({
  name: 'cpus-and-tables-together-keep-w-xor-x',
  law: 'No frame can be written through what some CPU holds or the tables say, and executed through another of these.',
  over: heldTranslations,
  ghosts: [mappings],
  judge(world: World, held: Held, violated) {
    const { translation } = held;
    const executable = isExecutable(translation.flags);
    const writable = isWritable(translation.flags);
    if ((!executable && !writable) || !world.markRodataRo.isSealed) return;
    if (executable && writable) violated(`${sayHeld(held)}, writable and executable`);
    for (const other of mappingsOf(world).sharing(translation)) {
      if (isBootText(world, other)) continue;
      const broken = (executable && isWritable(other.flags)) || (writable && isExecutable(other.flags));
      if (broken) violated(`${sayHeld(held)} and ${sayMapping(other)} is there`);
    }
    for (const other of heldMeeting(world, translation)) {
      if (other.translation === translation) continue;
      const { flags } = other.translation;
      if ((executable && isWritable(flags)) || (writable && isExecutable(flags))) {
        violated(`${sayHeld(held)} and ${sayHeld(other)}`);
      }
    }
  },
});
