import { InputError } from '../language/input-error.ts';
import type { MachineSettings } from '../language/suite.ts';
import { ArenaWorld } from '../model/arena-world.ts';
import { everyLatentBehaviour, type LatentBehaviour, latentBehaviours } from '../model/bpf/arena-latent.ts';
import { arenaProfiles } from '../model/bpf/arena-profile.ts';
import { configurationOf } from './boot-world.ts';

/**
 * Builds a world of arenas for a kernel profile. Settings not given have their defaults; `without=L1+L8` leaves surprising
 * behaviours out: see src/model/bpf/arena-latent.ts.
 *
 * @throws InputError for a kernel without arenas, an unknown setting, or a value that a setting cannot have
 */
export function bootArenaWorld(kernel: string, settings: MachineSettings = {}): ArenaWorld {
  const profile = arenaProfiles.get(kernel);
  if (profile === undefined) {
    throw new InputError(`unknown kernel ${JSON.stringify(kernel)}; known are ${[...arenaProfiles.keys()].join(', ')}`);
  }
  const { without, ...machine } = settings;
  const latent = without === undefined ? profile.latent : latentWithout(without);
  return new ArenaWorld({ ...profile, latent }, configurationOf(machine));
}

function latentWithout(words: string): ReadonlySet<LatentBehaviour> {
  const left = new Set(everyLatentBehaviour);
  for (const word of words.split('+')) {
    if (!left.delete(word as LatentBehaviour)) {
      const known = Object.keys(latentBehaviours).join(', ');
      throw new InputError(`machine setting without is some of ${known}, joined by +, not ${JSON.stringify(words)}`);
    }
  }
  return left;
}
