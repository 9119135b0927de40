/**
 * The fields of an eBPF instruction and the numbers in them: RFC 9669 sections 3 to 5, and what the kernel adds for its
 * own use between verifier and JIT (include/linux/filter.h), marked below.
 */

/** One 8-byte slot. `imm` is signed; the second slot of a wide instruction is a slot of its own with opcode 0. */
export interface Instruction {
  readonly opcode: number;
  readonly dst: number;
  readonly src: number;
  readonly offset: number;
  readonly imm: number;
}

/** Reads a program. The length must be a multiple of eight; bytes that remain are ignored. */
export function readInstructions(bytes: Uint8Array): Instruction[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const instructions: Instruction[] = [];
  for (let at = 0; at + 8 <= bytes.length; at += 8) {
    const registers = view.getUint8(at + 1);
    instructions.push({
      opcode: view.getUint8(at),
      dst: registers & 15,
      src: registers >> 4,
      offset: view.getInt16(at + 2, true),
      imm: view.getInt32(at + 4, true),
    });
  }
  return instructions;
}

/** Bits 0 to 2 of an opcode. */
export const CLASS = { LD: 0, LDX: 1, ST: 2, STX: 3, ALU: 4, JMP: 5, JMP32: 6, ALU64: 7 } as const;

/** Bit 3 of arithmetic and jumps: the source is a register, not the immediate. */
export const SOURCE_REGISTER = 0x08;

/** Bits 4 to 7 of arithmetic. */
export const ALU = {
  ADD: 0x00,
  SUB: 0x10,
  MUL: 0x20,
  DIV: 0x30,
  OR: 0x40,
  AND: 0x50,
  LSH: 0x60,
  RSH: 0x70,
  NEG: 0x80,
  MOD: 0x90,
  XOR: 0xa0,
  MOV: 0xb0,
  ARSH: 0xc0,
  END: 0xd0,
} as const;

/** Bits 4 to 7 of jumps. JCOND and TAIL_CALL are the kernel's own. */
export const JMP = {
  JA: 0x00,
  JEQ: 0x10,
  JGT: 0x20,
  JGE: 0x30,
  JSET: 0x40,
  JNE: 0x50,
  JSGT: 0x60,
  JSGE: 0x70,
  CALL: 0x80,
  EXIT: 0x90,
  JLT: 0xa0,
  JLE: 0xb0,
  JSLT: 0xc0,
  JSLE: 0xd0,
  JCOND: 0xe0,
  TAIL_CALL: 0xf0,
} as const;

/** Bits 5 to 7 of loads and stores. The PROBE modes and NOSPEC (a store class mode) are the kernel's own. */
export const MODE = {
  IMM: 0x00,
  PROBE_MEM: 0x20,
  PROBE_MEMSX: 0x40,
  MEM: 0x60,
  MEMSX: 0x80,
  PROBE_MEM32: 0xa0,
  ATOMIC: 0xc0,
  NOSPEC: 0xc0,
  PROBE_MEM32SX: 0xc0,
  PROBE_ATOMIC: 0xe0,
} as const;

/** The immediate of an atomic instruction: an arithmetic operation, FETCH or'ed in, or one of the others. */
export const ATOMIC = { FETCH: 0x01, XCHG: 0xe1, CMPXCHG: 0xf1, LOAD_ACQUIRE: 0x100, STORE_RELEASE: 0x110 } as const;

/** The offset of a MOV that the kernel gives another meaning, and the immediate of an address space cast to user. */
export const ADDR_SPACE_CAST = 1;
export const CAST_TO_USER = 1 << 16;
export const ADDR_PERCPU = -1;

/** The source register of a call. */
export const PSEUDO_CALL = 1;
export const PSEUDO_KFUNC_CALL = 2;

/** Bytes a load or store moves, from bits 3 and 4 of its opcode. */
export function sizeOf(opcode: number): 1 | 2 | 4 | 8 {
  switch (opcode & 0x18) {
    case 0x00:
      return 4;
    case 0x08:
      return 2;
    case 0x10:
      return 1;
    default:
      return 8;
  }
}
