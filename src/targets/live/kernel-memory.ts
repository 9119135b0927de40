import { type Bpf, F_MMAPABLE, F_SLEEPABLE, MAP_TYPE_ARRAY, PROG_TYPE_SYSCALL } from './bpf.ts';
import { available, type Facility, refused } from './facility.ts';
import { type Libc, MAP_SHARED, type Memory, PROT_READ, PROT_WRITE } from './libc.ts';
import { READ_WINDOW_BYTES, readKernel, tellCurrentTask } from './programs.ts';

/**
 * Reads the memory of the running kernel: a BPF program copies with bpf_probe_read_kernel() into an array map that this
 * process has mapped. Nothing is ever written. What changes meanwhile is seen torn: readers that care read twice.
 */
export class KernelMemory {
  readonly #bpf: Bpf;
  readonly #reader: number;
  readonly #window: Memory;
  readonly #halves: Uint32Array;
  /** The kernel address of the task that reads. */
  readonly currentTask: bigint;

  private constructor(bpf: Bpf, reader: number, window: Memory, currentTask: bigint) {
    this.#bpf = bpf;
    this.#reader = reader;
    this.#window = window;
    this.#halves = new Uint32Array(window.bytes.buffer);
    this.currentTask = currentTask;
  }

  static open(libc: Libc, bpf: Bpf): Facility<KernelMemory> {
    const map = bpf.createMap({
      map_type: MAP_TYPE_ARRAY,
      key_size: 4,
      value_size: READ_WINDOW_BYTES,
      max_entries: 1,
      map_flags: F_MMAPABLE,
      map_name: 'rox_window',
    });
    if (map < 0) return refused('an array map that user space maps', map, REMEDIES);
    const protection = PROT_READ | PROT_WRITE;
    const address = libc.mmap({ bytes: READ_WINDOW_BYTES, protection, flags: MAP_SHARED, descriptor: map });
    if (address < 0) return refused('mapping an array map', address, REMEDIES);

    const common = { type: PROG_TYPE_SYSCALL, flags: F_SLEEPABLE };
    const reader = bpf.loadProgram({ ...common, name: 'rox_read', instructions: readKernel(map) });
    // Without CAP_PERFMON, and under lockdown=confidentiality, the verifier knows no such helper and says EINVAL.
    if (reader < 0) return refused('a program that reads kernel memory', reader === -22 ? -1 : reader, REMEDIES);
    const task = bpf.loadProgram({ ...common, name: 'rox_task', instructions: tellCurrentTask });
    if (task < 0) return refused('a program that asks for the current task', task, REMEDIES);
    const ran = bpf.run(task, 1);
    bpf.release(task);
    if (ran < 0) return refused('running a program', ran, REMEDIES);
    const window = libc.memoryAt(address, READ_WINDOW_BYTES);
    return available(new KernelMemory(bpf, reader, window, bpf.context[0]!));
  }

  /**
   * The bytes at a kernel address: a view that the next read overwrites. Undefined where not all of them are mapped. At most
   * {@link READ_WINDOW_BYTES}.
   */
  read(address: bigint, bytes: number): Uint8Array | undefined {
    return this.#copy(address, bytes) ? this.#window.bytes.subarray(0, bytes) : undefined;
  }

  /** A 64-bit word at a kernel address, undefined where it is not mapped. */
  word(address: bigint): bigint | undefined {
    return this.#copy(address, 8) ? this.#window.words[0] : undefined;
  }

  /** Some 64-bit words at a kernel address as 32-bit halves, the low one first: a view that the next read overwrites. */
  halvesAt(address: bigint, words: number): Uint32Array | undefined {
    return this.#copy(address, 8 * words) ? this.#halves : undefined;
  }

  /** A copy of the page at a kernel address as 32-bit halves, the low one first; undefined where it is not mapped. */
  pageOfHalves(address: bigint): Uint32Array | undefined {
    return this.#copy(address, 4096) ? this.#halves.slice(0, 1024) : undefined;
  }

  #copy(address: bigint, bytes: number): boolean {
    const { context } = this.#bpf;
    context[0] = address;
    context[1] = UNTOUCHED;
    context[2] = BigInt(bytes);
    return this.#bpf.run(this.#reader, 3) === 0 && context[1] === 0n;
  }
}

/** A result that no copy gives. */
const UNTOUCHED = 1n;

const REMEDIES = {
  permit: 'run as root, or with CAP_BPF and CAP_PERFMON; lockdown=confidentiality forbids it to everybody',
  support: 'needs Linux 5.14 or later with CONFIG_BPF_SYSCALL and CONFIG_BPF_EVENTS',
};
