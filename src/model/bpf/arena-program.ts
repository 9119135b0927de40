import type { Cpu } from '../machine/machine.ts';
import { READ, WRITE } from '../machine/mmu.ts';
import { PhysicalBytes } from '../machine/physical-bytes.ts';
import type { Arena } from './arena.ts';
import { castToKernel, castToUser, high32, low32 } from './arena-address.ts';

/** Bytes of an access. */
export type AccessSize = 1 | 2 | 4 | 8;

/** Read-modify-write operations of BPF, and the two ordered plain ones (RFC 9669 5.3 and its successors). */
export type AtomicKind = 'add' | 'and' | 'or' | 'xor' | 'fadd' | 'xchg' | 'cmpxchg' | 'ldacq' | 'strel';

/** What the fault handler tells on the program's error stream. */
export interface FaultReport {
  readonly kind: 'READ' | 'WRITE';
  readonly address: bigint;
}

/** What an access left in its result register, and what it reported. A store leaves nothing. */
export interface AccessAnswer {
  readonly value: bigint | undefined;
  readonly report: FaultReport | undefined;
}

/** Where an access goes: the pointer register, whose low half counts, and the instruction's signed 16-bit offset. */
export interface Place {
  readonly pointer: bigint;
  readonly offset: number;
  readonly size: AccessSize;
}

/** An atomic's operands: the source register, or the destination of a load-acquire before it; and R0 before a cmpxchg. */
export interface AtomicOperands {
  readonly kind: AtomicKind;
  readonly value: bigint;
  readonly expect: bigint;
}

/**
 * A program bound to one arena, as far as its accesses go: JITed code that adds kern_vm_start to a 32-bit pointer and
 * carries an exception-table entry for each access. An access of a page that is absent, wholly or in part, does nothing:
 * loads give 0, stores vanish, and the fault is reported. Registers and control flow come with the BPF machine.
 */
export class ArenaProgram {
  readonly arena: Arena;
  readonly cpu: Cpu;
  /** What the JIT baked in: user_vm_start, and the page of kern_vm_start. */
  readonly userStart: bigint;
  readonly windowFirst: number;

  constructor(arena: Arena, cpu: Cpu) {
    this.arena = arena;
    this.cpu = cpu;
    this.userStart = arena.userStart;
    this.windowFirst = arena.window.first;
  }

  /** A plain load, zero-extended. */
  load(place: Place): AccessAnswer {
    const value = this.#read(place);
    return value === undefined ? { value: 0n, report: this.report('READ', place) } : { value, report: undefined };
  }

  /** A sign-extending load of 1, 2 or 4 bytes. */
  loadSigned(place: Place): AccessAnswer {
    const { value, report } = this.load(place);
    return { value: BigInt.asUintN(64, BigInt.asIntN(8 * place.size, value as bigint)), report };
  }

  store(place: Place, value: bigint): AccessAnswer {
    const done = this.#write(place, value);
    return { value: undefined, report: done ? undefined : this.report('WRITE', place) };
  }

  /** An atomic operation; `value` of the answer is the register that the instruction changes, if it changes one. */
  atomic(place: Place, operands: AtomicOperands): AccessAnswer {
    const { kind, value, expect } = operands;
    if (kind === 'strel') return this.store(place, value);
    const old = kind === 'ldacq' ? this.#read(place) : this.#readForWrite(place);
    if (old === undefined) return this.faultingAtomic(place, operands);
    if (kind === 'ldacq') return { value: old, report: undefined };
    if (kind === 'cmpxchg') {
      if (old !== BigInt.asUintN(8 * place.size, expect)) return { value: old, report: undefined };
      this.#write(place, value);
      // The instruction leaves the accumulator alone where it finds what it expected, its upper half included.
      const isWhole = place.size === 8 || this.arena.surroundings.profile.extendsCmpxchg32;
      return { value: isWhole ? old : expect, report: undefined };
    }
    this.#write(place, combine(kind, old, value));
    return { value: kind === 'fadd' || kind === 'xchg' ? old : undefined, report: undefined };
  }

  /** What the exception handler leaves behind: facts D4 and L6, and the change of 7.2. */
  faultingAtomic(place: Place, { kind, value, expect }: AtomicOperands): AccessAnswer {
    const { faultingAtomic, extendsCmpxchg32, latent } = this.arena.surroundings.profile;
    const destination = { fadd: value, xchg: value, ldacq: value, cmpxchg: expect }[kind as string];
    if (faultingAtomic === 'clears-destination' || !latent.has('L6')) {
      const report = this.report(kind === 'ldacq' ? 'READ' : 'WRITE', place);
      return { value: destination === undefined ? undefined : 0n, report };
    }
    const told = kind === 'ldacq' ? this.#reportAt('WRITE', value + BigInt(place.offset)) : this.report('WRITE', place);
    const cut = kind === 'cmpxchg' && place.size === 4 && extendsCmpxchg32;
    return { value: destination === undefined || !cut ? destination : BigInt.asUintN(32, destination), report: told };
  }

  castToUser(value: bigint): bigint {
    const { convertsToUser, surroundings } = this.arena;
    if (value !== 0n && convertsToUser && !surroundings.profile.latent.has('L7')) {
      return high32(this.userStart) | BigInt.asUintN(32, value);
    }
    return castToUser(value, this.userStart, convertsToUser);
  }

  castToKernel(value: bigint): bigint {
    return castToKernel(value);
  }

  /** The message of a fault names the address that user space would use, without wrapping. */
  report(kind: 'READ' | 'WRITE', { pointer, offset }: Place): FaultReport | undefined {
    return this.#reportAt(kind, BigInt(low32(pointer) + offset));
  }

  #reportAt(kind: 'READ' | 'WRITE', offset: bigint): FaultReport | undefined {
    if (!this.arena.surroundings.profile.faultReports) return undefined;
    return { kind, address: BigInt.asUintN(64, high32(this.userStart) + offset) };
  }

  #read(place: Place): bigint | undefined {
    const bytes = this.#locate(place, READ);
    return bytes?.read();
  }

  /** A locked instruction needs a writable page before it reads. */
  #readForWrite(place: Place): bigint | undefined {
    return this.#locate(place, WRITE)?.read();
  }

  #write(place: Place, value: bigint): boolean {
    const bytes = this.#locate(place, WRITE);
    bytes?.write(value);
    return bytes !== undefined;
  }

  /** How far from kern_vm_start an access begins: the offset is added after the pointer was extended, so it can be negative. */
  distance(pointer: bigint, offset: number): number {
    return low32(pointer) + offset;
  }

  /** The bytes of an access, or undefined when a page of it is absent: an access that straddles faults as a whole. */
  #locate({ pointer, offset, size }: Place, access: number): PhysicalBytes | undefined {
    const at = this.distance(pointer, offset);
    const page = this.windowFirst + Math.floor(at / 4096);
    const lastPage = this.windowFirst + Math.floor((at + size - 1) / 4096);
    const { mmu, space } = this.cpu;
    const frame = mmu.translate(space, page, access);
    if (frame < 0) return undefined;
    const lastFrame = lastPage === page ? frame : mmu.translate(space, lastPage, access);
    if (lastFrame < 0) return undefined;
    const { memory } = this.arena.surroundings.machine;
    return new PhysicalBytes(memory.frame(frame), memory.frame(lastFrame), ((at % 4096) + 4096) % 4096, size);
  }
}

/** The new value of a read-modify-write operation; its size is cut when it is written. */
function combine(kind: Exclude<AtomicKind, 'cmpxchg' | 'ldacq' | 'strel'>, old: bigint, value: bigint): bigint {
  switch (kind) {
    case 'add':
    case 'fadd':
      return old + value;
    case 'and':
      return old & value;
    case 'or':
      return old | value;
    case 'xor':
      return old ^ value;
    case 'xchg':
      return value;
  }
}
