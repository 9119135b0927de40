import { assert } from '../../base/assert.ts';
import { Journal, JournaledArray } from '../../base/journal.ts';
import type { Errno } from '../kernel/errno.ts';
import { PageReferences } from '../kernel/user-memory/page-references.ts';
import { Process, type ProcessSurroundings } from '../kernel/user-memory/process.ts';
import { VmAreaCache } from '../kernel/user-memory/vm-area.ts';
import { Machine } from '../machine/machine.ts';
import { type Arena, type ArenaAllocation, type ArenaSurroundings, createArena } from './arena.ts';
import { type ArenaAttributes, refuseAttributes } from './arena-attributes.ts';
import { ArenaMapping } from './arena-mapping.ts';
import { type ArenaProfile, arenaProfiles } from './arena-profile.ts';

/** The configuration of the machine below an arena world. */
export interface ArenaMachine {
  readonly cpus: number;
  readonly nodes: number;
  /** Frames of physical memory, a multiple of 512. */
  readonly frames: number;
}

/** Where the vmalloc range begins with four levels of page tables: ffffc90000000000, as a page number. */
const VMALLOC_FIRST = 0xf_fffc_9000_0000;

/** An arena with the file that user space maps. */
export interface ArenaObject {
  readonly arena: Arena;
  readonly mapping: ArenaMapping;
}

/** A machine on which processes and programs share arenas: all that an arena needs of a kernel, and nothing else. */
export class ArenaWorld {
  readonly journal: Journal;
  readonly machine: Machine;
  readonly references: PageReferences;
  readonly profile: ArenaProfile;
  readonly processes: JournaledArray<Process>;
  readonly arenas: JournaledArray<ArenaObject>;
  readonly #surroundings: ArenaSurroundings;
  readonly #releasedAreas: JournaledArray<number>;
  readonly #areaCache: VmAreaCache;
  readonly #nextArea = { first: VMALLOC_FIRST };

  constructor(profile: ArenaProfile, { cpus, nodes, frames }: ArenaMachine) {
    this.journal = new Journal();
    this.profile = profile;
    this.machine = new Machine(this.journal, { cpus, nodes, frames, levels: 4, pse: true }, 0);
    this.references = new PageReferences(this.journal, this.machine.memory);
    this.#areaCache = new VmAreaCache(this.journal, profile.freedAreas === 'overwritten');
    this.processes = new JournaledArray<Process>(this.journal);
    this.arenas = new JournaledArray<ArenaObject>(this.journal);
    this.#releasedAreas = new JournaledArray<number>(this.journal);
    this.#surroundings = {
      journal: this.journal,
      machine: this.machine,
      references: this.references,
      profile,
      mayAllocate: (what) => this.mayAllocate(what),
      reserveArea: (pageCount) => this.#reserveArea(pageCount),
      releaseArea: (firstPage) => this.#releasedAreas.push(firstPage),
    };
  }

  /** Whether the next allocation of this kind succeeds: replaced where an operation makes one fail. */
  mayAllocate(_what: ArenaAllocation): boolean {
    return true;
  }

  /** BPF_MAP_CREATE with BPF_MAP_TYPE_ARENA. */
  createArena(attributes: ArenaAttributes): ArenaObject | Errno {
    const refused = refuseAttributes(attributes);
    if (refused !== undefined) return refused;
    const arena = createArena(this.#surroundings, attributes);
    if (typeof arena === 'string') return arena;
    const object = { arena, mapping: new ArenaMapping(arena) };
    this.arenas.push(object);
    return object;
  }

  newProcess(): Process {
    const surroundings: ProcessSurroundings = {
      journal: this.journal,
      machine: this.machine,
      references: this.references,
      areaCache: this.#areaCache,
      committablePages: this.machine.configuration.frames,
      anonymousInodesNoExec: this.profile.anonymousInodesNoExec,
    };
    const process = new Process(surroundings, this.processes.length + 1);
    this.processes.push(process);
    return process;
  }

  /** All areas of arenas have one size, so a released one serves the next arena; each has a guard page behind it. */
  #reserveArea(pageCount: number): number {
    if (this.#releasedAreas.length > 0) return this.#releasedAreas.remove(this.#releasedAreas.length - 1);
    const { first } = this.#nextArea;
    this.journal.set(this.#nextArea, 'first', first + pageCount + 1);
    return first;
  }
}

/** A fresh world for a kernel profile by name. */
export function bootArenaWorld(kernel: string, machine: ArenaMachine): ArenaWorld {
  const profile = arenaProfiles.get(kernel);
  assert(profile !== undefined, `${kernel} is a kernel with arenas`);
  return new ArenaWorld(profile, machine);
}
