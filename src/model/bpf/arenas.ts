import { JournaledArray } from '../../base/journal.ts';
import type { Errno } from '../kernel/errno.ts';
import type { Window } from '../kernel/layout.ts';
import type { MemoryCgroup } from '../kernel/memory-cgroup.ts';
import type { VmapAreas } from '../kernel/vmap-areas.ts';
import type { Cpu } from '../machine/machine.ts';
import { Arena, type ArenaSurroundings } from './arena.ts';
import { ArenaAllocator } from './arena-allocator.ts';
import { type ArenaAttributes, refuseAttributes } from './arena-attributes.ts';
import { directValueAddress } from './arena-direct-value.ts';
import type { FreeRanges } from './arena-free-ranges.ts';
import { ArenaFrees } from './arena-frees.ts';
import { ArenaKernelFaults } from './arena-kernel-faults.ts';
import type { ArenaProfile } from './arena-profile.ts';
import { ArenaProgram } from './arena-program.ts';
import { ArenaMapping, ArenaUserSide } from './arena-user-side.ts';
import { ArenaWindow, WINDOW_PAGES } from './arena-window.ts';
import { MapleRanges } from './maple-ranges.ts';
import { RangeTree } from './range-tree.ts';

/** What the arenas of one kernel share. */
export interface ArenasParts extends ArenaSurroundings {
  readonly vmapAreas: VmapAreas;
  /** The vmalloc window, where kernel windows of arenas lie. */
  readonly vmalloc: Window;
}

/** Arenas in the order of their creation. A class of its own, so that the journal tells which list changed. */
export class LiveArenas extends JournaledArray<ArenaMapping> {}

/** The arenas of one kernel: creation and destruction, and who serves them between. */
export class Arenas {
  readonly frees: ArenaFrees;
  readonly allocator: ArenaAllocator;
  readonly userSide: ArenaUserSide;
  readonly kernelFaults: ArenaKernelFaults;
  readonly #parts: ArenasParts;
  readonly #live: LiveArenas;

  constructor(parts: ArenasParts) {
    this.#parts = parts;
    this.frees = new ArenaFrees(parts);
    this.allocator = new ArenaAllocator(parts, this.frees);
    this.userSide = new ArenaUserSide(parts, this.allocator);
    this.kernelFaults = new ArenaKernelFaults(parts);
    this.#live = new LiveArenas(parts.journal);
  }

  get profile(): ArenaProfile {
    return this.#parts.profile;
  }

  /** Every arena that was created and not destroyed, the oldest first, as user space maps it. */
  get live(): readonly ArenaMapping[] {
    return this.#live.items;
  }

  /**
   * BPF_MAP_CREATE with BPF_MAP_TYPE_ARENA: the attributes, then arena_map_alloc(). All or nothing. What it allocates itself is
   * not charged: the creator's cgroup is written down (bpf_map_save_memcg()) when the arena stands.
   */
  create(attributes: ArenaAttributes, creator?: MemoryCgroup): ArenaMapping | Errno {
    const { failing, vmapAreas, vmalloc } = this.#parts;
    const refused = this.refuses(attributes);
    if (refused !== undefined) return refused;
    const vmap = failing.next('vm area') ? undefined : vmapAreas.allocate(vmalloc, WINDOW_PAGES, 1);
    if (vmap === undefined) return '-ENOMEM';
    if (!failing.next('arena')) {
      const free = this.newFreeRanges(attributes.maxEntries);
      const window = this.newWindow(vmap.firstPage);
      const arena = new Arena({
        surroundings: this.#parts,
        attributes,
        vmap,
        free,
        window,
        payer: this.payerOf(creator),
      });
      if (this.equip(arena)) {
        const mapping = new ArenaMapping(arena, this.userSide);
        this.#live.push(mapping);
        return mapping;
      }
      this.#dropScratch(arena);
    }
    vmapAreas.freeLazily(vmap);
    return '-ENOMEM';
  }

  /** Who pays for pages of an arena: its creator, in kernels that charge. */
  payerOf(creator: MemoryCgroup | undefined): MemoryCgroup | undefined {
    return this.#parts.profile.charged ? creator : undefined;
  }

  /** What is wrong with the attributes, if anything. */
  refuses(attributes: ArenaAttributes): Errno | undefined {
    return refuseAttributes(attributes);
  }

  /** The book of free slots that this kernel keeps. */
  newFreeRanges(slotCount: number): FreeRanges {
    const { journal, profile, failing } = this.#parts;
    const Ranges = profile.freeRanges === 'best-fit' ? RangeTree : MapleRanges;
    return new Ranges(journal, slotCount, () => !failing.next('range node'));
  }

  newWindow(areaFirst: number): ArenaWindow {
    return new ArenaWindow(this.#parts, areaFirst);
  }

  /** Loads a program that uses the arena: its address must be known, since the JIT bakes it into the code. */
  loadProgram(arena: Arena, cpu: Cpu): ArenaProgram | Errno {
    return arena.userStart === 0n ? '-EINVAL' : new ArenaProgram(arena, cpu);
  }

  /** The address of a byte of the arena, as the verifier puts it into a program. */
  directValue(arena: Arena, offset: number): bigint | Errno {
    return directValueAddress(arena, offset);
  }

  /** arena_map_mem_usage(): bytes that fdinfo shows as `memlock:`; 0 before the kernel counted (89318afb1414). */
  memoryUsage({ window }: Arena): number {
    return this.#parts.profile.memoryUsage ? window.populated * 4096 : 0;
  }

  /** What later kernels make at creation: a scratch page (7.2), and the tables of the window (7.0). */
  equip(arena: Arena): boolean {
    const { profile, failing, references } = this.#parts;
    if (profile.scratchPage) {
      const scratch = failing.next('scratch page') ? undefined : references.allocate('arena');
      if (scratch === undefined) return false;
      arena.window.scratch = scratch.number;
    }
    return !profile.windowBuiltAtCreation || arena.window.build();
  }

  /**
   * arena_map_free(): every page of the band goes back, then the whole area loses its entries. A page above the band is
   * not visited and leaks (facts R2). An arena that somebody still maps warns and leaks everything (L10): false.
   */
  destroy(mapping: ArenaMapping): boolean {
    const { references, vmapAreas } = this.#parts;
    const { arena } = mapping;
    this.#live.remove(this.#live.items.indexOf(mapping));
    if (arena.records.length > 0 && this.profile.latent.has('L10')) return false;
    this.frees.drain(arena);
    arena.window.eachPresent(0, arena.window.freedEnd(), (_, frame) => {
      if (frame !== arena.scratch) references.drop(frame);
    });
    arena.window.clearAll();
    arena.window.forgoTables();
    vmapAreas.freeLazily(arena.vmap);
    this.#dropScratch(arena);
    return true;
  }

  #dropScratch({ scratch }: Arena): void {
    if (scratch !== undefined) this.#parts.references.drop(scratch);
  }
}
