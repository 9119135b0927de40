import type { Access } from './bus.ts';
import { type Decoded, NONE, RIP } from './decoded.ts';
import type { Outcome } from './exception.ts';
import { Flags } from './flags.ts';
import type { MemoryFault, MemoryPort } from './memory-port.ts';
import { MEMORY_SLOT, RegisterFile, RSP } from './register-file.ts';

/**
 * The architectural state of one CPU and the paths by which its instructions reach their operands (see operand-slots).
 * Values are signed 32-bit halves; results travel in {@link lo} and {@link hi}, which the caller reads at once.
 */
export class Core {
  readonly registers = new RegisterFile();
  readonly halves = this.registers.halves;
  readonly flags = new Flags();
  readonly port: MemoryPort;

  /** Where execution continues: set to the following instruction before execute, changed by jumps. */
  nextLo = 0;
  nextHi = 0;

  /** The result computed last. */
  lo = 0;
  hi = 0;

  /** The effective address computed last. */
  addressLo = 0;
  addressHi = 0;

  constructor(port: MemoryPort) {
    this.port = port;
  }

  /** Loads the memory operand, if there is one, into its slot. `access` 'write' announces that it will be written back. */
  prepare(instruction: Decoded, access: Access = 'read'): Outcome {
    return instruction.inMemory ? this.loadMemory(instruction, access) : undefined;
  }

  /** Writes the first operand: 32-bit results clear the upper half of a register (SDM 1, 3.4.1.1). */
  writeLeft(instruction: Decoded, lo: number, hi: number): Outcome {
    const { left } = instruction;
    if (instruction.leftInMemory) return this.storeMemory(instruction, lo, hi);
    this.halves[left] = lo;
    this.halves[left + 1] = instruction.width === 64 ? hi : 0;
    return undefined;
  }

  /** Loads the memory operand, zero-extended, into its slot. */
  loadMemory(instruction: Decoded, access: Access): Outcome {
    return this.loadTo(MEMORY_LO, instruction, access);
  }

  /** Loads the memory operand, zero-extended, into the given place and the one after it. */
  loadTo(place: number, instruction: Decoded, access: Access): Outcome {
    this.locate(instruction);
    const { port, halves } = this;
    const fault = port.load(this.addressLo, this.addressHi, instruction.sourceWidth >> 3, access);
    if (fault !== undefined) return outcomeOf(fault, instruction.stackSegment);
    halves[place] = port.lo;
    halves[place + 1] = port.hi;
    return undefined;
  }

  /** Stores to the memory operand, which must have been located. */
  storeMemory(instruction: Decoded, lo: number, hi: number): Outcome {
    const fault = this.port.store(this.addressLo, this.addressHi, instruction.width >> 3, lo, hi);
    return fault === undefined ? undefined : outcomeOf(fault, instruction.stackSegment);
  }

  /** base + index * scale + displacement + segment base, wrapping at 64 bits (SDM 1, 3.7.5). */
  locate(instruction: Decoded): void {
    const { base, displacement } = instruction;
    if (!instruction.plainAddress) {
      this.#locateOddly(instruction);
      return;
    }
    const lo = (this.halves[2 * base]! + displacement) | 0;
    this.addressLo = lo;
    const carry = lo >>> 0 < displacement >>> 0 ? 1 : 0;
    this.addressHi = (this.halves[2 * base + 1]! + (displacement >> 31) + carry) | 0;
  }

  #locateOddly({ base, index, scaleShift, displacement, gs }: Decoded): void {
    const { halves, registers } = this;
    this.addressLo = displacement;
    this.addressHi = displacement >> 31;
    if (base === RIP) this.#addToAddress(this.nextLo, this.nextHi);
    else if (base !== NONE) this.#addToAddress(halves[2 * base]!, halves[2 * base + 1]!);
    for (let copies = index === NONE ? 0 : 1 << scaleShift; copies > 0; copies--) {
      this.#addToAddress(halves[2 * index]!, halves[2 * index + 1]!);
    }
    if (gs) this.#addToAddress(registers.gsBaseLo, registers.gsBaseHi);
  }

  #addToAddress(lo: number, hi: number): void {
    this.addressLo = (this.addressLo + lo) | 0;
    this.addressHi = (this.addressHi + hi + carryOf(this.addressLo, lo)) | 0;
  }

  /** left + right, with all flags. Gives the low half and leaves the high half of a 64-bit sum in {@link hi}. */
  sum(width: number, leftLo: number, leftHi: number, rightLo: number, rightHi: number): number {
    const { flags } = this;
    const lo = (leftLo + rightLo) | 0;
    if (width === 64) {
      const hi = (leftHi + rightHi + (lo >>> 0 < leftLo >>> 0 ? 1 : 0)) | 0;
      flags.fromSum(leftHi, rightHi, hi);
      flags.any = lo | hi;
      this.hi = hi;
    } else {
      flags.fromSum(leftLo, rightLo, lo);
      flags.any = lo;
    }
    return lo;
  }

  /** left - right, in the same way. */
  difference(width: number, leftLo: number, leftHi: number, rightLo: number, rightHi: number): number {
    const { flags } = this;
    const lo = (leftLo - rightLo) | 0;
    if (width === 64) {
      const hi = (leftHi - rightHi - (leftLo >>> 0 < rightLo >>> 0 ? 1 : 0)) | 0;
      flags.fromDifference(leftHi, rightHi, hi);
      flags.any = lo | hi;
      this.hi = hi;
    } else {
      flags.fromDifference(leftLo, rightLo, lo);
      flags.any = lo;
    }
    return lo;
  }

  /** Continues at an address. One that is not canonical faults at the jump, not at its target (SDM 2A, JMP). */
  jump(lo: number, hi: number): Outcome {
    if (!this.port.isCanonical(hi)) return 'general-protection';
    this.nextLo = lo;
    this.nextHi = hi;
    return undefined;
  }

  /** Stores eight bytes below rsp, then moves rsp there. */
  push(lo: number, hi: number): Outcome {
    const { halves } = this;
    const spLo = (halves[2 * RSP]! - 8) | 0;
    const spHi = (halves[2 * RSP + 1]! - (halves[2 * RSP]! >>> 0 < 8 ? 1 : 0)) | 0;
    const fault = this.port.store(spLo, spHi, 8, lo, hi);
    if (fault !== undefined) return outcomeOf(fault, true);
    halves[2 * RSP] = spLo;
    halves[2 * RSP + 1] = spHi;
    return undefined;
  }

  /** Loads the eight bytes at rsp into lo and hi, then moves rsp above them. */
  pop(): Outcome {
    const { halves, port } = this;
    const fault = port.load(halves[2 * RSP]!, halves[2 * RSP + 1]!, 8);
    if (fault !== undefined) return outcomeOf(fault, true);
    this.lo = port.lo;
    this.hi = port.hi;
    const spLo = (halves[2 * RSP]! + 8) | 0;
    halves[2 * RSP] = spLo;
    halves[2 * RSP + 1] = (halves[2 * RSP + 1]! + carryOf(spLo, 8)) | 0;
    return undefined;
  }
}

/** The memory slot as a place in the halves. Constants of this module are free; imported ones are looked up each time. */
const MEMORY_LO = 2 * MEMORY_SLOT;

/** The carry out of a 32-bit sum, told from the sum and either addend. */
export function carryOf(sum: number, addend: number): number {
  return sum >>> 0 < addend >>> 0 ? 1 : 0;
}

/** A non-canonical address is #SS in the stack segment and #GP elsewhere (SDM 1, 3.3.7.1). */
function outcomeOf(fault: MemoryFault, stackSegment: boolean): Outcome {
  if (fault === 'page-fault') return 'page-fault';
  return stackSegment ? 'stack-fault' : 'general-protection';
}
