import { s64, u64 } from '../../../base/word.ts';

/** The general registers in the order of their encoding (SDM 2A, table 3-1). */
export const REGISTERS = [
  'rax',
  'rcx',
  'rdx',
  'rbx',
  'rsp',
  'rbp',
  'rsi',
  'rdi',
  'r8',
  'r9',
  'r10',
  'r11',
  'r12',
  'r13',
  'r14',
  'r15',
] as const;

export type RegisterName = (typeof REGISTERS)[number];

export const RAX = 0;
export const RCX = 1;
export const RDX = 2;
export const RSP = 4;
export const RBP = 5;

/** Behind the registers: where an instruction finds what it loaded from memory. */
export const MEMORY_SLOT = 16;
const SLOTS = 17;

/**
 * Sixteen general registers, the instruction pointer and the base of gs. Instructions work on signed 32-bit halves
 * (register n is halves 2n and 2n+1); people use {@link get} and {@link set}.
 */
export class RegisterFile {
  /** Low and high halves of the general registers and of the memory slot, in turn. */
  readonly halves: Int32Array;

  /** The same registers as signed 64-bit numbers, for the few instructions that are clearer so (multiply, divide). */
  readonly words: BigInt64Array;

  ipLo = 0;
  ipHi = 0;
  gsBaseLo = 0;
  gsBaseHi = 0;

  constructor() {
    const storage = new ArrayBuffer(SLOTS * 8);
    this.halves = new Int32Array(storage);
    this.words = new BigInt64Array(storage);
  }

  /** An unsigned 64-bit value. */
  get(name: RegisterName): bigint {
    return u64(this.words[REGISTERS.indexOf(name)]!);
  }

  /** Keeps the low 64 bits of the value. */
  set(name: RegisterName, value: bigint): void {
    this.words[REGISTERS.indexOf(name)] = s64(value);
  }

  get ip(): bigint {
    return joinHalves(this.ipLo, this.ipHi);
  }

  set ip(address: bigint) {
    this.ipLo = lowHalf(address);
    this.ipHi = highHalf(address);
  }

  get gsBase(): bigint {
    return joinHalves(this.gsBaseLo, this.gsBaseHi);
  }

  set gsBase(address: bigint) {
    this.gsBaseLo = lowHalf(address);
    this.gsBaseHi = highHalf(address);
  }
}

/** The unsigned 64-bit value of two signed halves. */
export function joinHalves(lo: number, hi: number): bigint {
  return (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);
}

export function lowHalf(value: bigint): number {
  return Number(BigInt.asIntN(32, value));
}

export function highHalf(value: bigint): number {
  return Number(BigInt.asIntN(32, value >> 32n));
}
