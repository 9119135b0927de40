import { type Journal, JournaledArray } from '../../../base/journal.ts';
import type { Errno } from '../errno.ts';
import type { Process } from './process.ts';

/** PROT_READ, PROT_WRITE and PROT_EXEC as mmap() takes them. */
export const PROT_READ = 1;
export const PROT_WRITE = 2;
export const PROT_EXEC = 4;

/** What the fault handler of a mapping answers: a frame with a reference taken for the new entry, or a signal. */
export type FaultAnswer = { readonly frame: number } | 'SIGSEGV' | 'SIGBUS' | 'OOM' | 'RETRY';

/** `vm_operations_struct` as far as an arena uses it. */
export interface VmAreaOperations {
  /** A copy of the area has appeared: by fork, or by a split. */
  opened(area: VmArea): void;
  closed(area: VmArea): void;
  maySplit(area: VmArea): boolean;
  fault(area: VmArea, page: number): FaultAnswer;
  /** Whether a page that {@link fault} answered with may be installed now, after others have run. */
  mayInstall(area: VmArea, page: number, frame: number): boolean;
}

/** Which part of the address space mmap() may use, as the file behind the mapping sees the request. */
export interface MapRequest {
  readonly process: Process;
  /** The hint or the fixed address: 64 bits of whatever the user gave, rounded down unless it is fixed. */
  readonly address: bigint;
  readonly pageCount: number;
  readonly filePage: number;
  readonly fixed: boolean;
}

/** What can stand behind a file descriptor that is mapped: the two file operations of mmap(). */
export interface Mappable {
  /** ->get_unmapped_area(): the address of the new mapping, which need not be usable yet. */
  unmappedArea(request: MapRequest): bigint | Errno;
  /** ->mmap(): accepts the new area and gives it its operations. */
  map(area: VmArea): Errno | undefined;
}

/** What makes an area; everything else follows from its file. */
export interface VmAreaShape {
  readonly first: number;
  readonly end: number;
  readonly filePage: number;
  readonly rights: number;
  readonly shared: boolean;
  readonly file: Mappable | undefined;
}

/** The fields of an area. */
interface VmAreaFields extends VmAreaShape {
  readonly process: Process;
  readonly mayRights: number;
  readonly dontExpand: boolean;
  readonly dontCopy: boolean;
  readonly operations: VmAreaOperations | undefined;
  readonly privateData: object | undefined;
  readonly live: boolean;
}

/**
 * `vm_area_struct`: pages [first, end) of one process. An object that was freed keeps its last contents until the cache
 * hands it out again, as memory does: kernels that hold on to a freed area read exactly that (facts F21).
 */
export class VmArea implements VmAreaFields {
  first = 0;
  end = 0;
  /** Page offset into the file of the first page. */
  filePage = 0;
  /** PROT_ bits in force. */
  rights = 0;
  shared = false;
  file: Mappable | undefined;
  process: Process;
  /** PROT_ bits that mprotect() may grant: VM_MAYREAD and its like. */
  mayRights = 0;
  /** VM_DONTEXPAND. Such an area is special: it is never locked and never merged. */
  dontExpand = false;
  /** VM_DONTCOPY: fork() leaves it out. */
  dontCopy = false;
  operations: VmAreaOperations | undefined;
  /** vm_private_data. */
  privateData: object | undefined;
  /** False once it was freed. */
  live = false;
  readonly #journal: Journal;

  constructor(journal: Journal, process: Process) {
    this.#journal = journal;
    this.process = process;
  }

  get pageCount(): number {
    return this.end - this.first;
  }

  change(fields: Partial<VmAreaFields>): void {
    for (const [name, value] of Object.entries(fields)) {
      this.#journal.set(this as Record<string, unknown>, name, value);
    }
  }
}

/** The areas of a process in address order. A class of its own, so that the journal tells which list changed. */
export class AreaList extends JournaledArray<VmArea> {}

/**
 * The slab cache of areas: the object freed last is handed out first. Per-CPU caches are left out; the order within one
 * CPU is what recordings show.
 */
export class VmAreaCache {
  readonly #journal: Journal;
  readonly #freed: JournaledArray<VmArea>;
  readonly #overwritesFreed: boolean;

  /** @param overwritesFreed whether the allocator's own pointer comes to lie over `vm_start` of a freed object */
  constructor(journal: Journal, overwritesFreed: boolean) {
    this.#journal = journal;
    this.#overwritesFreed = overwritesFreed;
    this.#freed = new JournaledArray<VmArea>(journal);
  }

  /** vm_area_alloc() and the first lines of a mapping. */
  allocate(process: Process, shape: VmAreaShape): VmArea {
    return this.#take(process, {
      ...shape,
      process,
      mayRights: PROT_READ | PROT_WRITE | PROT_EXEC,
      dontExpand: false,
      dontCopy: false,
      operations: undefined,
      privateData: undefined,
      live: true,
    });
  }

  /** vm_area_dup(): the same mapping for a child, or for one part of a split. */
  duplicate(area: VmArea, process: Process, { first, end }: { readonly first: number; readonly end: number }): VmArea {
    const { rights, shared, file, mayRights, dontExpand, dontCopy, operations, privateData } = area;
    const filePage = area.filePage + (first - area.first);
    const copied = { rights, shared, file, mayRights, dontExpand, dontCopy, operations, privateData };
    return this.#take(process, { ...copied, first, end, filePage, process, live: true });
  }

  /**
   * vm_area_free(). The contents stay, except that from 6.15 to 6.17 the free pointer shares its place with `vm_start`;
   * it is scrambled, so a reader finds an area that starts behind its end. Per-CPU sheaves (6.18) write nothing.
   */
  free(area: VmArea): void {
    area.change(this.#overwritesFreed ? { live: false, first: Number.MAX_SAFE_INTEGER } : { live: false });
    this.#freed.push(area);
  }

  #take(process: Process, fields: VmAreaFields): VmArea {
    const { length } = this.#freed;
    if (length === 0) return Object.assign(new VmArea(this.#journal, process), fields);
    const area = this.#freed.remove(length - 1);
    area.change(fields);
    return area;
  }
}
