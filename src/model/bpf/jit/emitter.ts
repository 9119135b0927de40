/**
 * Writes x86-64 machine code into a growing byte buffer: prefixes, ModRM, SIB and immediates (SDM volume 2, chapter 2).
 * It knows encodings, not BPF. The JIT's habits that are visible in the bytes live here once: a REX prefix only when it is
 * needed, and a displacement byte in every memory operand, even for displacement zero.
 *
 *    REX  0100 W R X B     W 64-bit operand, R extends ModRM.reg, X extends SIB.index, B extends ModRM.rm or SIB.base
 *    ModRM  mod:2 reg:3 rm:3        SIB  scale:2 index:3 base:3
 */
import { R12, RAX, RSP } from './registers.ts';

/** Opcode extensions (ModRM.reg) and opcodes are given as numbers; an opcode above 0xff is written with its 0x0f byte. */
export class Emitter {
  bytes: Uint8Array = new Uint8Array(1 << 16);
  length = 0;

  /** Makes room for `count` more bytes; the emitting methods do not check. */
  reserve(count: number): void {
    if (this.length + count <= this.bytes.length) return;
    const larger = new Uint8Array(Math.max(this.bytes.length * 2, this.length + count));
    larger.set(this.bytes);
    this.bytes = larger;
  }

  byte(value: number): void {
    this.bytes[this.length++] = value;
  }

  /** Two to four bytes given as literals. */
  sequence(first: number, second: number, third = -1, fourth = -1): void {
    this.byte(first);
    this.byte(second);
    if (third >= 0) this.byte(third);
    if (fourth >= 0) this.byte(fourth);
  }

  word16(value: number): void {
    this.byte(value);
    this.byte(value >> 8);
  }

  word32(value: number): void {
    const { bytes, length } = this;
    bytes[length] = value;
    bytes[length + 1] = value >> 8;
    bytes[length + 2] = value >> 16;
    bytes[length + 3] = value >> 24;
    this.length = length + 4;
  }

  /** A REX prefix that is left out when it would say nothing. */
  rex(wide: boolean, rm: number, reg: number): void {
    if (wide || (rm | reg) > 7) this.byte(rexByte(wide, rm, reg));
  }

  opcode(opcode: number): void {
    if (opcode > 0xff) this.byte(opcode >> 8);
    this.byte(opcode);
  }

  /** An instruction with two register operands, or one and an opcode extension as `reg`. */
  onRegisters(wide: boolean, opcode: number, rm: number, reg: number): void {
    this.rex(wide, rm, reg);
    this.opcode(opcode);
    this.byte(0xc0 | ((reg & 7) << 3) | (rm & 7));
  }

  /** An instruction with one register operand; `digit` is its opcode extension and needs no REX bit. */
  onRegister(wide: boolean, opcode: number, digit: number, rm: number): void {
    this.onRegisters(wide, opcode, rm, digit);
  }

  /** An instruction on [base + displacement]; `base` is never rsp or r12, which would need a SIB byte. */
  onMemory(wide: boolean, opcode: number, base: number, reg: number, displacement: number): void {
    this.rex(wide, base, reg);
    this.opcode(opcode);
    this.memoryOperand(base, reg, displacement);
  }

  memoryOperand(base: number, reg: number, displacement: number): void {
    const short = isSigned8(displacement);
    this.byte((short ? 0x40 : 0x80) | ((reg & 7) << 3) | (base & 7));
    if (short) this.byte(displacement);
    else this.word32(displacement);
  }

  /** An instruction on [base + r12 + displacement]; the index makes the REX prefix (bit X) unavoidable. */
  onArena(wide: boolean, opcode: number, base: number, reg: number, displacement: number): void {
    this.byte(rexByte(wide, base, reg) | 2);
    this.opcode(opcode);
    const short = isSigned8(displacement);
    this.byte((short ? 0x40 : 0x80) | ((reg & 7) << 3) | RSP);
    this.byte(((R12 & 7) << 3) | (base & 7));
    if (short) this.byte(displacement);
    else this.word32(displacement);
  }

  /** Register to register; the caller decides whether a move onto itself is worth a byte. */
  move(wide: boolean, to: number, from: number): void {
    this.onRegisters(wide, 0x89, to, from);
  }

  /** The 64-bit move that the JIT leaves out when nothing would change. */
  moveUnlessSame(to: number, from: number): void {
    if (to !== from) this.move(true, to, from);
  }

  push(register: number): void {
    this.rex(false, register, 0);
    this.byte(0x50 | (register & 7));
  }

  pop(register: number): void {
    this.rex(false, register, 0);
    this.byte(0x58 | (register & 7));
  }

  /**
   * A 32-bit constant; the upper half of the register becomes zero, or the sign when `signExtended` and negative.
   * Zero is an exclusive or of the register with itself.
   */
  loadImmediate32(register: number, value: number, signExtended: boolean): void {
    if (signExtended && value < 0) {
      this.onRegister(true, 0xc7, 0, register);
      this.word32(value);
    } else if (value === 0) {
      this.onRegisters(false, 0x31, register, register);
    } else {
      this.rex(false, register, 0);
      this.byte(0xb8 | (register & 7));
      this.word32(value);
    }
  }

  /**
   * A 64-bit constant in two halves (signed 32-bit numbers), by the shortest form the kernel knows: older kernels do not
   * use the sign-extended one (profile `loadsSignExtended`).
   */
  loadImmediate64(register: number, low: number, high: number, mayExtendSign: boolean): void {
    if (high === 0) {
      this.loadImmediate32(register, low, false);
    } else if (mayExtendSign && high === -1 && low < 0) {
      this.loadImmediate32(register, low, true);
    } else {
      this.rex(true, register, 0);
      this.byte(0xb8 | (register & 7));
      this.word32(low);
      this.word32(high);
    }
  }

  /** Arithmetic on an immediate: the 8-bit form, else the short form of rax, else the general one. */
  arithmeticImmediate(wide: boolean, digit: number, register: number, value: number): void {
    if (isSigned8(value)) {
      this.onRegister(wide, 0x83, digit, register);
      this.byte(value);
    } else if (register === RAX) {
      this.rex(wide, 0, 0);
      this.byte((digit << 3) | 5);
      this.word32(value);
    } else {
      this.onRegister(wide, 0x81, digit, register);
      this.word32(value);
    }
  }

  /** A relative call (0xe8) or jump (0xe9) whose displacement is counted from the end of its five bytes. */
  relative32(opcode: number, displacement: number): void {
    this.byte(opcode);
    this.word32(displacement);
  }

  /** `count` bytes of no operation in the kernel's preferred forms (arch/x86/include/asm/nops.h). */
  nops(count: number): void {
    for (let left = count; left > 0; ) {
      const nop = NOPS[Math.min(left, 8)]!;
      for (const byte of nop) this.byte(byte);
      left -= nop.length;
    }
  }
}

export const isSigned8 = (value: number): boolean => value >= -128 && value <= 127;

const rexByte = (wide: boolean, rm: number, reg: number): number =>
  0x40 | (wide ? 8 : 0) | ((reg >> 3) << 2) | (rm >> 3);

/** Index: length in bytes. */
const NOPS: readonly (readonly number[])[] = [
  [],
  [0x90],
  [0x66, 0x90],
  [0x0f, 0x1f, 0x00],
  [0x0f, 0x1f, 0x40, 0x00],
  [0x0f, 0x1f, 0x44, 0x00, 0x00],
  [0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00],
  [0x0f, 0x1f, 0x80, 0x00, 0x00, 0x00, 0x00],
  [0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00],
];
