import { invariant } from '../language/invariant.ts';
import type { World } from '../model/world.ts';
import { sayMapping } from './evidence.ts';
import { mappings, mappingsOf } from './ghosts/mappings.ts';

export const thePokeAliasDiesWithThePoke = invariant({
  name: 'the-poke-alias-dies-with-the-poke',
  law: 'Between pokes nothing maps the temporary alias of text, and no CPU runs in its address space or has interrupts off.',
  ghosts: [mappings],
  judge(world: World, violated) {
    const { textPoke, machine } = world;
    for (const page of [textPoke.aliasPage, textPoke.aliasPage + 1]) {
      const left = mappingsOf(world).leafAt(page, textPoke.space.id);
      if (left !== undefined) violated(`${sayMapping(left)} is left of a poke`);
    }
    for (const cpu of machine.cpus) {
      if (cpu.space === textPoke.space) violated(`CPU ${cpu.number} is left in the poking address space`);
      if (cpu.interruptsOff) violated(`CPU ${cpu.number} is left with interrupts off`);
    }
  },
});
