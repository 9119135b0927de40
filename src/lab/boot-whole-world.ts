import { InputError } from '../language/input-error.ts';
import type { MachineSettings } from '../language/suite.ts';
import { arenaProfiles } from '../model/bpf/arena-profile.ts';
import { MITIGATION_SETS, type MitigationSet } from '../model/bpf/jit/mitigations.ts';
import { jitKernelOf } from '../model/bpf/jit/profile.ts';
import { MOST_CPUS } from '../model/bpf/life/kernel-objects.ts';
import { profiles } from '../model/kernel/profile.ts';
import { WholeWorld } from '../model/whole-world.ts';
import { configurationOf } from './boot-world.ts';

/**
 * Builds a world of programs after boot. `mitigations` is a setting of this machine alone, `calldepth` by default, which puts the
 * most around calls; programs run on machines with four levels of page tables.
 *
 * @throws InputError for an unknown kernel, an unknown setting, or a value that a setting cannot have
 */
export function bootWholeWorld(kernel: string, settings: MachineSettings = {}): WholeWorld {
  const { mitigations = 'calldepth', ...others } = settings;
  const [profile, arena, jit] = [profiles.get(kernel), arenaProfiles.get(kernel), jitKernelOf(kernel)];
  if (profile === undefined || arena === undefined || jit === undefined)
    throw new InputError(`kernel ${JSON.stringify(kernel)} has no program packs, no arenas or no JIT here`);
  if (!(mitigations in MITIGATION_SETS))
    throw new InputError(
      `machine setting mitigations is one of ${Object.keys(MITIGATION_SETS).join(', ')}, not ${JSON.stringify(mitigations)}`,
    );
  const configuration = configurationOf(others);
  if (configuration.cpus > MOST_CPUS) throw new InputError(`programs run on machines with at most ${MOST_CPUS} CPUs`);
  if (configuration.levels !== 4) throw new InputError('programs run on machines with 4 levels of page tables');
  const arenaAsOperand = kernel === '7.3' ? 'arena' : 'refused';
  const world = new WholeWorld(
    { kernel: profile, jit, arena, mitigations: mitigations as MitigationSet, arenaAsOperand },
    configuration,
  );
  world.finishBoot();
  return world.takeResidentText();
}
