import type { Journal } from '../../../base/journal.ts';
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

interface VmAreaShape {
  readonly first: number;
  readonly end: number;
  readonly filePage: number;
  readonly rights: number;
  readonly shared: boolean;
  readonly file: Mappable | undefined;
}

/**
 * `vm_area_struct`: pages [first, end) of one process. An area that is gone keeps its last bounds, as freed memory does:
 * kernels that hold on to such an area read exactly that (facts F21).
 */
export class VmArea {
  first: number;
  end: number;
  /** Page offset into the file of the first page. */
  filePage: number;
  /** PROT_ bits in force. */
  rights: number;
  /** PROT_ bits that mprotect() may grant: VM_MAYREAD and its like. */
  mayRights = PROT_READ | PROT_WRITE | PROT_EXEC;
  /** VM_DONTEXPAND. Such an area is special: it is never locked and never merged. */
  dontExpand = false;
  /** VM_DONTCOPY: fork() leaves it out. */
  dontCopy = false;
  live = true;
  operations: VmAreaOperations | undefined;
  /** vm_private_data. */
  privateData: object | undefined;
  readonly shared: boolean;
  readonly process: Process;
  readonly file: Mappable | undefined;
  readonly #journal: Journal;

  constructor(journal: Journal, process: Process, shape: VmAreaShape) {
    this.#journal = journal;
    this.process = process;
    this.first = shape.first;
    this.end = shape.end;
    this.filePage = shape.filePage;
    this.rights = shape.rights;
    this.shared = shape.shared;
    this.file = shape.file;
  }

  get pageCount(): number {
    return this.end - this.first;
  }

  holds(page: number): boolean {
    return page >= this.first && page < this.end;
  }

  change<Key extends 'first' | 'end' | 'filePage' | 'rights' | 'dontCopy' | 'live'>(key: Key, value: this[Key]): void {
    this.#journal.set(this as VmArea, key, value as VmArea[Key]);
  }

  /** vm_area_dup(): the same mapping for a child, or for one half of a split. */
  duplicate(process: Process, bounds: { readonly first: number; readonly end: number }): VmArea {
    const copy = new VmArea(this.#journal, process, {
      ...bounds,
      filePage: this.filePage + (bounds.first - this.first),
      rights: this.rights,
      shared: this.shared,
      file: this.file,
    });
    copy.mayRights = this.mayRights;
    copy.dontExpand = this.dontExpand;
    copy.dontCopy = this.dontCopy;
    copy.operations = this.operations;
    copy.privateData = this.privateData;
    return copy;
  }
}
