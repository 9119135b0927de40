/**
 * The C library of the running process, called without compiled code of ours: the only file that knows the foreign-function
 * package. Everything is synchronous and belongs to the thread that opened it.
 *
 * A refusal is a value, `-errno`, as the system call itself returns it in a register. Kernel addresses are bigints, addresses
 * of this process are numbers (below 2^47, so exact). Memory that the kernel reads or writes is mapped once at a fixed
 * address: no buffer moves, nothing is marshalled, and no address can outlive its buffer.
 */
export class Libc {
  readonly #foreign: Foreign;

  private constructor(foreign: Foreign) {
    this.#foreign = foreign;
  }

  /** Loads the package and the C library; the reason in words where that is impossible (another system, no prebuilt part). */
  static async open(): Promise<Libc | string> {
    if (process.platform !== 'linux') return `this is ${process.platform}, not Linux`;
    if (process.arch !== 'x64') return `this is ${process.arch}, and only x86-64 is known here`;
    try {
      return new Libc(await bind());
    } catch (error) {
      return `the foreign-function package cannot be loaded: ${error instanceof Error ? error.message : error}`;
    }
  }

  /** syscall(2): the result, or `-errno`. Arguments are pointers and integers of this process. */
  syscall(number: number, first: number, second: number, third: number): number {
    return this.#checked(this.#foreign.syscall(number, first, second, third));
  }

  /**
   * The same with six arguments; an address that does not fit a number is given as a signed bigint.
   */
  callAt(number: number, words: CallWords): number {
    return this.#checked(this.#foreign.syscall6(number, ...words));
  }

  close(descriptor: number): number {
    return this.#checked(this.#foreign.close(descriptor));
  }

  /**
   * mmap(2): the address, or `-errno`. `at` 0 lets the kernel choose. Its descriptor is -1 for anonymous memory.
   */
  mmap({ at = 0, bytes, protection, flags, descriptor = -1, offset = 0 }: MappingRequest): number {
    return this.#checked(this.#foreign.mmap(at, bytes, protection, flags, descriptor, offset));
  }

  munmap(address: number, bytes: number): number {
    return this.#checked(this.#foreign.munmap(address, bytes));
  }

  /**
   * Copies between this process's own addresses by the path that page faults of another process take: an absent page of
   * an arena answers `-EFAULT` where a plain load would end the process. `from` or `to` may be any user address, including
   * one that is not mapped. Returns the bytes copied, which ends at the first page that is absent.
   */
  readOwn(from: number, to: number, bytes: number): number {
    return this.readOf(process.pid, from, to, bytes);
  }

  /** The same from any process that this one may trace; `from` is an address of that process. */
  readOf(pid: number, from: number | bigint, to: number, bytes: number): number {
    return this.#checked(this.#foreign.processRead(pid, to, from, bytes));
  }

  /** Writes into such a process; `to` is an address of that process. */
  writeOf(pid: number, from: number, to: number | bigint, bytes: number): number {
    return this.#checked(this.#foreign.processWrite(pid, from, to, bytes));
  }

  /**
   * Anonymous memory of this process that is present from the start. Never release it while a view of it is in use.
   */
  allocate(bytes: number): Memory {
    const address = this.mmap({
      bytes,
      protection: PROT_READ | PROT_WRITE,
      flags: MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE,
    });
    if (address < 0) throw new Error(`no ${bytes} bytes of memory: errno ${-address}`);
    return this.memoryAt(address, bytes);
  }

  /** Views of memory that this process has mapped; every page of it must be accessible, else a look at it is fatal. */
  memoryAt(address: number, bytes: number): Memory {
    const buffer = this.#foreign.view(BigInt(address), bytes);
    return { address, bytes: new Uint8Array(buffer), view: new DataView(buffer), words: new BigUint64Array(buffer) };
  }

  #checked(result: number): number {
    return result === -1 ? -this.#foreign.errno() : result;
  }
}

/** Memory at a fixed address, seen as bytes, as fields (little-endian is up to the caller) and as 64-bit words. */
export interface Memory {
  readonly address: number;
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly words: BigUint64Array;
}

/** The six words of a system call. */
export type CallWords = readonly [
  number | bigint,
  number | bigint,
  number | bigint,
  number | bigint,
  number | bigint,
  number | bigint,
];

interface MappingRequest {
  readonly at?: number;
  readonly bytes: number;
  readonly protection: number;
  readonly flags: number;
  readonly descriptor?: number;
  readonly offset?: number;
}

export const PROT_READ = 1;
export const PROT_WRITE = 2;
export const MAP_SHARED = 0x01;
export const MAP_PRIVATE = 0x02;
export const MAP_ANONYMOUS = 0x20;
const MAP_POPULATE = 0x8000;

/** The calls as the package offers them. */
interface Foreign {
  syscall(number: number, first: number, second: number, third: number): number;
  syscall6(number: number, ...words: CallWords): number;
  close(descriptor: number): number;
  mmap(at: number, bytes: number, protection: number, flags: number, descriptor: number, offset: number): number;
  munmap(address: number, bytes: number): number;
  processRead(process: number, to: number, from: number | bigint, bytes: number): number;
  processWrite(process: number, from: number, to: number | bigint, bytes: number): number;
  view(address: bigint, bytes: number): ArrayBuffer;
  errno(): number;
}

async function bind(): Promise<Foreign> {
  const { default: koffi } = await import('koffi');
  // Node is linked with the C library, whichever it is; null names what this process has loaded.
  const library = koffi.load(null);
  // Pointers are declared as integers: no pointer objects, and syscall() with a fixed number of words is the fastest form.
  const copy = ['int', 'int64', 'uint64', 'int64', 'uint64', 'uint64'];
  const readv = library.func('process_vm_readv', 'int64', copy);
  const writev = library.func('process_vm_writev', 'int64', copy);
  const mmap = library.func('mmap', 'int64', ['int64', 'uint64', 'int', 'int', 'int', 'int64']);
  const vectors = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0) as number;
  const vector = new BigUint64Array(koffi.view(BigInt(vectors), 32));
  const aim = (local: number, remote: number | bigint, bytes: number) => {
    vector[0] = BigInt(local);
    vector[1] = BigInt(bytes);
    vector[2] = BigInt(remote);
    vector[3] = BigInt(bytes);
  };
  return {
    syscall: library.func('syscall', 'int64', ['int64', 'int64', 'int64', 'int64']),
    syscall6: library.func('syscall', 'int64', ['int64', 'int64', 'int64', 'int64', 'int64', 'int64', 'int64']),
    close: library.func('close', 'int', ['int']),
    mmap,
    munmap: library.func('munmap', 'int', ['int64', 'uint64']),
    processRead(process, to, from, bytes) {
      aim(to, from, bytes);
      return readv(process, vectors, 1, vectors + 16, 1, 0);
    },
    processWrite(process, from, to, bytes) {
      aim(from, to, bytes);
      return writev(process, vectors, 1, vectors + 16, 1, 0);
    },
    view: (address, bytes) => koffi.view(address, bytes),
    errno: () => koffi.errno(),
  };
}
