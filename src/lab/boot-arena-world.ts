import { InputError } from '../language/input-error.ts';
import type { MachineSettings } from '../language/suite.ts';
import { ArenaWorld } from '../model/arena-world.ts';
import { arenaProfiles } from '../model/bpf/arena-profile.ts';
import { configurationOf } from './boot-world.ts';

/**
 * Builds a world of arenas for a kernel profile. Settings not given have their defaults.
 *
 * @throws InputError for a kernel without arenas, an unknown setting, or a value that a setting cannot have
 */
export function bootArenaWorld(kernel: string, settings: MachineSettings = {}): ArenaWorld {
  const profile = arenaProfiles.get(kernel);
  if (profile === undefined) {
    throw new InputError(`unknown kernel ${JSON.stringify(kernel)}; known are ${[...arenaProfiles.keys()].join(', ')}`);
  }
  return new ArenaWorld(profile, configurationOf(settings));
}
