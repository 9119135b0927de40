import { assert } from '../../base/assert.ts';
import type { Journal } from '../../base/journal.ts';
import { type AddressSpace, Mmu } from './mmu.ts';
import { PageTable } from './page-table.ts';
import { isExecutable, isPresent, isWritable } from './page-table-entry.ts';
import { PhysicalMemory } from './physical-memory.ts';
import { Tlb } from './tlb.ts';

/** The configuration of the modelled machine: the `machine:` header of a trace. */
export interface MachineConfiguration {
  readonly cpus: number;
  readonly nodes: number;
  /** 4, or 5 with LA57. */
  readonly levels: 4 | 5;
  /** Whether large leaves may be used (X86_FEATURE_PSE). */
  readonly pse: boolean;
  /** Frames of physical memory. */
  readonly frames: number;
  /** False leaves the paging-structure caches out, where no table is ever freed. True when not stated. */
  readonly cachesTables?: boolean;
}

/** One processor: its translation caches and what it runs in now. */
export interface Cpu {
  readonly number: number;
  readonly mmu: Mmu;
  /** The address space in CR3. */
  space: AddressSpace;
  /** Whether maskable interrupts are off, as while text is poked. */
  interruptsOff: boolean;
}

/** What was flushed so far. Counts only ever grow; `compare` prints their differences. */
export interface FlushCounts {
  global: number;
  local: number;
}

/** Entries that let memory be written and executed at once, if only until the next change. The count only ever grows. */
export interface RightsCount {
  writableAndExecutable: number;
}

/**
 * The hardware: memory, processors, the kernel's page tables. It knows no kernel: what the tables hold, and when a flush is
 * due, is decided above.
 */
export class Machine {
  readonly configuration: MachineConfiguration;
  readonly journal: Journal;
  readonly memory: PhysicalMemory;
  /** The tables of the kernel half, shared by every address space. */
  readonly kernelTables: PageTable;
  /** The address space of kernel threads: no user half. */
  readonly kernelSpace: AddressSpace;
  readonly cpus: readonly Cpu[];
  readonly flushes: FlushCounts = { global: 0, local: 0 };
  readonly rights: RightsCount = { writableAndExecutable: 0 };

  /** @param reservedFrames frames at the bottom of memory that the page allocator never hands out */
  constructor(journal: Journal, configuration: MachineConfiguration, reservedFrames: number) {
    this.journal = journal;
    this.configuration = configuration;
    this.memory = new PhysicalMemory(journal, configuration.frames, reservedFrames);
    this.kernelTables = this.newPageTable();
    this.kernelSpace = { id: 0, kernel: this.kernelTables, user: undefined };
    this.cpus = Array.from({ length: configuration.cpus }, (_, number) => ({
      number,
      mmu: new Mmu(this.memory, new Tlb(journal, number, configuration.cachesTables)),
      space: this.kernelSpace,
      interruptsOff: false,
    }));
  }

  /** An empty tree of tables; its root frame is never missing at boot, when this is called. */
  newPageTable(): PageTable {
    const root = this.memory.allocate('page-table');
    assert(root !== undefined, 'memory holds a root table');
    root.fillAll(0);
    return new PageTable(this.memory, root, this.configuration.levels);
  }

  cpu(number: number): Cpu {
    const cpu = this.cpus[number];
    assert(cpu !== undefined, `CPU ${number} exists`);
    return cpu;
  }

  /** Called by whoever writes an entry of the kernel's tables, with the flags that it has from now on. */
  countRights(flags: number): void {
    if (!isPresent(flags) || !isWritable(flags) || !isExecutable(flags)) return;
    this.journal.set(this.rights, 'writableAndExecutable', this.rights.writableAndExecutable + 1);
  }

  /** Every CPU forgets everything: flush_tlb_all(). */
  flushEverywhere(): void {
    for (const cpu of this.cpus) cpu.mmu.tlb.flushAll();
    this.journal.set(this.flushes, 'global', this.flushes.global + 1);
  }

  /** Every CPU forgets the kernel pages [first, end): flush_tlb_kernel_range(). One flush, whatever the length. */
  flushKernelRange(first: number, end: number): void {
    for (const cpu of this.cpus) cpu.mmu.tlb.flushRange(first, end, 0);
    this.journal.set(this.flushes, 'global', this.flushes.global + 1);
  }

  /** One CPU forgets the user half of one address space: flush_tlb_mm_range() where only that CPU ever ran it. */
  flushSpaceOn(cpu: Cpu, space: AddressSpace): void {
    cpu.mmu.tlb.flushSpace(space.id);
    this.journal.set(this.flushes, 'local', this.flushes.local + 1);
  }
}
