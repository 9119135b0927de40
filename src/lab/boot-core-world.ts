import { InputError } from '../language/input-error.ts';
import type { MachineSettings } from '../language/suite.ts';
import { CoreWorld } from '../model/bpf/core-relocation/world/core-world.ts';
import { coreProfiles } from '../model/bpf/core-relocation/world/profile.ts';

/**
 * A fresh world of CO-RE relocation for a profile. Nothing in it depends on the machine.
 *
 * @throws InputError for an unknown kernel or any machine setting
 */
export function bootCoreWorld(kernel: string, settings: MachineSettings = {}): CoreWorld {
  const profile = coreProfiles.get(kernel);
  if (profile === undefined)
    throw new InputError(`unknown kernel ${JSON.stringify(kernel)}; known are ${[...coreProfiles.keys()].join(', ')}`);
  const [setting] = Object.keys(settings);
  if (setting !== undefined)
    throw new InputError(`CO-RE relocation does not depend on the machine, so there is no setting ${setting}`);
  return new CoreWorld(profile);
}
