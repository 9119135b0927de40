import type { BtfLookup } from './btf-lookup.ts';
import { available, type Facility, notSupported } from './facility.ts';
import type { KernelMemory } from './kernel-memory.ts';

/** A field of a kernel structure, by the names that the kernel's BTF knows. */
export type FieldName = `${string}.${string}`;

/**
 * Kernel objects behind descriptors of this process, read through the task's table of files: what no call tells about a map or
 * a program. Only objects that nobody else changes meanwhile are read so, hence without locks.
 */
export class KernelObjects {
  readonly #memory: KernelMemory;
  readonly #btf: BtfLookup;
  readonly #offsets = new Map<FieldName, bigint>();

  private constructor(memory: KernelMemory, btf: BtfLookup) {
    this.#memory = memory;
    this.#btf = btf;
  }

  /** Demands every field that will be asked for. */
  static open(memory: KernelMemory, btf: BtfLookup, fields: readonly FieldName[]): Facility<KernelObjects> {
    const objects = new KernelObjects(memory, btf);
    const missing = [...FILE_FIELDS, ...fields].find((field) => !objects.#learn(field));
    if (missing === undefined) return available(objects);
    return notSupported(`the kernel's BTF has no ${missing}`, 'report the version of this kernel');
  }

  /** The address of the map or program behind a descriptor (struct file.private_data). */
  behind(descriptor: number): bigint {
    const files = this.word(this.#memory.currentTask, 'task_struct.files');
    const table = this.word(files, 'files_struct.fdt');
    const list = this.word(table, 'fdtable.fd');
    return this.word(this.wordAt(list + BigInt(8 * descriptor)), 'file.private_data');
  }

  /** The address of a field. */
  placeOf(object: bigint, field: FieldName): bigint {
    return object + this.offset(field);
  }

  offset(field: FieldName): bigint {
    const offset = this.#offsets.get(field);
    if (offset === undefined) throw new Error(`the field ${field} was not asked for in time`);
    return offset;
  }

  word(object: bigint, field: FieldName): bigint {
    return this.wordAt(this.placeOf(object, field));
  }

  wordAt(address: bigint): bigint {
    const word = this.#memory.word(address);
    if (word === undefined) throw new Error(`the kernel has nothing mapped at 0x${address.toString(16)}`);
    return word;
  }

  /** A view of the bytes at an address, which the next read overwrites. */
  bytesAt(address: bigint, count: number): Uint8Array {
    const bytes = this.#memory.read(address, count);
    if (bytes === undefined) throw new Error(`the kernel has nothing mapped at 0x${address.toString(16)}`);
    return bytes;
  }

  #learn(field: FieldName): boolean {
    const [structure, member] = field.split('.') as [string, string];
    const offset = this.#btf.offsetOf(structure, member);
    if (offset !== undefined) this.#offsets.set(field, BigInt(offset));
    return offset !== undefined;
  }
}

const FILE_FIELDS: readonly FieldName[] = ['task_struct.files', 'files_struct.fdt', 'fdtable.fd', 'file.private_data'];
