import { Journal, JournaledArray } from '../base/journal.ts';
import type { ArenaProfile } from './bpf/arena-profile.ts';
import { Arenas } from './bpf/arenas.ts';
import { FailurePlan } from './kernel/failing.ts';
import { layoutOf } from './kernel/layout.ts';
import { Locks } from './kernel/locks.ts';
import { MemoryCgroup } from './kernel/memory-cgroup.ts';
import { PageReferences } from './kernel/user-memory/page-references.ts';
import { Process, type ProcessSurroundings } from './kernel/user-memory/process.ts';
import { VmAreaCache } from './kernel/user-memory/vm-area.ts';
import { VmapAreas } from './kernel/vmap-areas.ts';
import { Machine, type MachineConfiguration } from './machine/machine.ts';

/**
 * A machine on which processes and BPF programs share arenas: all that an arena needs of a kernel, and nothing else. The
 * kernel image and the direct map are left out; no arena operation reads or changes them.
 */
export class ArenaWorld {
  readonly journal = new Journal();
  readonly failing = new FailurePlan();
  readonly profile: ArenaProfile;
  readonly machine: Machine;
  readonly references: PageReferences;
  readonly vmapAreas: VmapAreas;
  readonly arenas: Arenas;
  /** Two memory cgroups under the root, which has no limit and is not counted. */
  readonly cgroups: readonly [MemoryCgroup, MemoryCgroup];
  readonly processes: JournaledArray<Process>;
  readonly #surroundings: ProcessSurroundings;

  constructor(profile: ArenaProfile, configuration: MachineConfiguration) {
    const { journal, failing } = this;
    this.profile = profile;
    // No table of an arena world is ever freed, so what a CPU remembers of tables decides nothing.
    this.machine = new Machine(journal, { ...configuration, cachesTables: false }, 0);
    const { machine } = this;
    this.references = new PageReferences(journal, machine.memory);
    this.vmapAreas = new VmapAreas(journal, machine, new Locks(journal));
    const { references, vmapAreas } = this;
    const { vmalloc } = layoutOf(configuration.levels, 0);
    this.arenas = new Arenas({ journal, machine, references, failing, vmapAreas, vmalloc, profile });
    this.cgroups = [new MemoryCgroup(journal, 'first'), new MemoryCgroup(journal, 'second')];
    this.processes = new JournaledArray<Process>(journal);
    this.#surroundings = {
      journal,
      machine,
      references,
      areaCache: new VmAreaCache(journal, profile.freedAreas === 'overwritten'),
      committablePages: configuration.frames,
      anonymousInodesNoExec: profile.anonymousInodesNoExec,
      movesManyAreas: profile.movesManyAreas,
    };
  }

  /** A process with nothing mapped. */
  newProcess(): Process {
    const process = new Process(this.#surroundings, this.processes.length + 1);
    this.processes.push(process);
    return process;
  }
}
