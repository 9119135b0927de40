/**
 * The BPF instruction set of RFC 9669 as bytes: eight little-endian bytes an instruction, sixteen for a wide load.
 *
 *      byte 0      byte 1        bytes 2-3          bytes 4-7
 *    ┌─────────┬───────┬───────┬──────────────────┬──────────────────────────────────────┐
 *    │ opcode  │ src:4 │ dst:4 │ offset, signed   │ immediate, signed                    │
 *    └─────────┴───────┴───────┴──────────────────┴──────────────────────────────────────┘
 *    opcode of arithmetic and jumps    operation:4 │ source:1 │ class:3
 *    opcode of loads and stores        mode:3 │ size:2 │ class:3
 *
 * Besides the RFC's instructions the table names those that only the kernel's verifier writes and only its JIT reads
 * (include/linux/filter.h): probing loads and stores, speculation barriers, tail calls. What an instruction means is
 * told in other rooms; this one only knows how it is written.
 */

/** The lowest three bits of the opcode (RFC 9669 section 3.1). */
export const Class = { LD: 0, LDX: 1, ST: 2, STX: 3, ALU: 4, JMP: 5, JMP32: 6, ALU64: 7 } as const;

/** Bit 3 of arithmetic and jump opcodes: the second operand is the immediate (K) or a register (X). */
export const Source = { K: 0x00, X: 0x08 } as const;

/** Bits 4-7 of arithmetic opcodes (RFC 9669 section 4.1). */
export const Operation = {
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

/** Bits 4-7 of jump opcodes (RFC 9669 section 4.3); JCOND and TAIL_CALL are the kernel's own. */
export const Jump = {
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

/** Bits 3-4 of load and store opcodes. */
export const Size = { W: 0x00, H: 0x08, B: 0x10, DW: 0x18 } as const;

/** Bits 5-7 of load and store opcodes (RFC 9669 section 5). */
export const Mode = { IMM: 0x00, ABS: 0x20, IND: 0x40, MEM: 0x60, MEMSX: 0x80, ATOMIC: 0xc0 } as const;

/** Modes the verifier writes for the JIT alone; a number means different things in different classes. */
export const InternalMode = {
  /** LDX: a load through a kernel pointer that may be bad. */
  PROBE_MEM: 0x20,
  PROBE_MEMSX: 0x40,
  /** LDX, ST, STX: an access inside the program's arena, relative to its kernel address. */
  PROBE_MEM32: 0xa0,
  /** LDX: as PROBE_MEM32, extending the sign. */
  PROBE_MEM32SX: 0xc0,
  /** STX: an atomic operation inside the arena. */
  PROBE_ATOMIC: 0xe0,
  /** ST: a barrier against speculation. */
  NOSPEC: 0xc0,
} as const;

/** The immediate of an atomic instruction (RFC 9669 section 5.3): an {@link Operation} or one of these. */
export const Atomic = {
  FETCH: 0x01,
  XCHG: 0xe1,
  CMPXCHG: 0xf1,
  LOAD_ACQUIRE: 0x100,
  STORE_RELEASE: 0x110,
} as const;

/** The source register of a call: which kind of callee the immediate names. */
export const Callee = { HELPER: 0, FUNCTION: 1, KFUNC: 2 } as const;

/** The source register of a wide load: what the immediate stands for (RFC 9669 section 5.4). */
export const WideSource = {
  VALUE: 0,
  MAP_FD: 1,
  MAP_VALUE: 2,
  BTF_ID: 3,
  FUNCTION: 4,
  MAP_INDEX: 5,
  MAP_INDEX_VALUE: 6,
} as const;

/** The opcode of a wide load; its second slot has opcode 0 and carries the upper half of the value. */
export const LD_IMM64 = 0x18;

/** Offsets that turn a register move into something else. */
export const MoveOffset = { ADDRESS_SPACE_CAST: 1, PER_CPU_ADDRESS: -1 } as const;

/** The immediate of a cast from address space 0 to 1, the arena's: target in the lower half, source in the upper. */
export const CAST_TO_USER = 1 << 16;

/** r10 is the read-only frame pointer; registers behind it exist only between the verifier (or blinding) and the JIT. */
export const FRAME_POINTER = 10;

/** Bytes of one instruction slot. */
export const SLOT_BYTES = 8;

/** One instruction slot. `offset` is a signed 16-bit, `immediate` a signed 32-bit number; registers are 0 to 15. */
export interface Instruction {
  readonly opcode: number;
  readonly dst: number;
  readonly src: number;
  readonly offset: number;
  readonly immediate: number;
}

export const classOf = (opcode: number): number => opcode & 0x07;
export const sourceOf = (opcode: number): number => opcode & 0x08;
export const operationOf = (opcode: number): number => opcode & 0xf0;
export const sizeOf = (opcode: number): number => opcode & 0x18;
export const modeOf = (opcode: number): number => opcode & 0xe0;

/** Bytes that a load or store moves: what {@link sizeOf} stands for. */
export function bytesMovedBy(opcode: number): 1 | 2 | 4 | 8 {
  switch (sizeOf(opcode)) {
    case Size.B:
      return 1;
    case Size.H:
      return 2;
    case Size.W:
      return 4;
    default:
      return 8;
  }
}

/** An instruction with every field that is not named left zero. */
export function instruction(opcode: number, fields: Partial<Omit<Instruction, 'opcode'>> = {}): Instruction {
  return { opcode, dst: 0, src: 0, offset: 0, immediate: 0, ...fields };
}

/** The two slots of a wide load. `value` is taken modulo 2^64; `src` is one of {@link WideSource}. */
export function wideLoad(dst: number, value: bigint, src: number = WideSource.VALUE): [Instruction, Instruction] {
  const low = Number(BigInt.asIntN(32, value));
  const high = Number(BigInt.asIntN(32, value >> 32n));
  return [instruction(LD_IMM64, { dst, src, immediate: low }), instruction(0, { immediate: high })];
}

/** The unsigned 64-bit value of a wide load from its two slots. */
export function wideValue(first: Instruction, second: Instruction): bigint {
  return (BigInt.asUintN(32, BigInt(second.immediate)) << 32n) | BigInt.asUintN(32, BigInt(first.immediate));
}

/** Reads whole slots; a wide load becomes two entries. Undefined when the length is no multiple of eight. */
export function decodeInstructions(bytes: Uint8Array): Instruction[] | undefined {
  if (bytes.length % SLOT_BYTES !== 0) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const program: Instruction[] = [];
  for (let at = 0; at < bytes.length; at += SLOT_BYTES) {
    const registers = view.getUint8(at + 1);
    program.push({
      opcode: view.getUint8(at),
      dst: registers & 15,
      src: registers >> 4,
      offset: view.getInt16(at + 2, true),
      immediate: view.getInt32(at + 4, true),
    });
  }
  return program;
}

/** Writes what {@link decodeInstructions} reads. Fields beyond their width are taken modulo it. */
export function encodeInstructions(program: readonly Instruction[]): Uint8Array {
  const bytes = new Uint8Array(program.length * SLOT_BYTES);
  const view = new DataView(bytes.buffer);
  program.forEach(({ opcode, dst, src, offset, immediate }, index) => {
    const at = index * SLOT_BYTES;
    view.setUint8(at, opcode);
    view.setUint8(at + 1, ((src & 15) << 4) | (dst & 15));
    view.setInt16(at + 2, offset, true);
    view.setInt32(at + 4, immediate, true);
  });
  return bytes;
}
