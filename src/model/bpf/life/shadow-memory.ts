import type { Access, Bus } from '../../machine/cpu/bus.ts';
import type { Machine } from '../../machine/machine.ts';
import { isWritable } from '../../machine/page-table-entry.ts';

/**
 * Kernel memory as the tables say it is, without any CPU's caches, and with writes that nobody else sees: the interpreter runs
 * in it before the CPU runs in the real one, so that both begin with the same memory and their writes can be compared.
 */
export class ShadowMemory implements Bus {
  frame: DataView = new DataView(new ArrayBuffer(0));
  readonly frameStart = 0;
  errorCode = 0;
  readonly codeGeneration = 0;
  readonly codeEpoch = 0;

  readonly #machine: Machine;
  /** By frame number: bytes that differ from the frame's since they were written. */
  readonly #written = new Map<number, DataView>();
  readonly #read = new Map<number, DataView>();

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  /** What was written, by frame number: whole frames. */
  get written(): ReadonlyMap<number, DataView> {
    return this.#written;
  }

  /** The interpreter fetches nothing, so an `execute` is answered as a read. */
  reach(lo: number, hi: number, access: Access): boolean {
    const page = (hi >>> 0) * 2 ** 20 + (lo >>> 12);
    const leaf = this.#machine.kernelTables.translate(page);
    if (leaf === undefined || (access === 'write' && !isWritable(leaf.flags))) return false;
    this.frame =
      access === 'write' ? this.#writable(leaf.frame) : (this.#written.get(leaf.frame) ?? this.#readable(leaf.frame));
    return true;
  }

  #readable(number: number): DataView {
    const known = this.#read.get(number);
    if (known !== undefined) return known;
    const view = viewOf(this.#machine.memory.frame(number).view());
    this.#read.set(number, view);
    return view;
  }

  #writable(number: number): DataView {
    const known = this.#written.get(number);
    if (known !== undefined) return known;
    const view = viewOf(this.#machine.memory.frame(number).view().slice());
    this.#written.set(number, view);
    return view;
  }
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
