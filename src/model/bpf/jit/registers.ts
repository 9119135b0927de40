/**
 * Which x86-64 register holds which BPF register (arch/x86/net/bpf_jit_comp.c, the comment above reg2hex).
 * The numbers are the hardware's: bits 0-2 go into ModRM or SIB, bit 3 into the REX prefix (SDM volume 2, section 2.2.1).
 */
import { FRAME_POINTER } from '../instruction.ts';

export const RAX = 0;
export const RCX = 1;
export const RDX = 2;
export const RBX = 3;
export const RSP = 4;
export const RBP = 5;
const RSI = 6;
const RDI = 7;
const R8 = 8;
/** Holds the frame pointer of a program with a private stack. */
export const R9 = 9;
/** BPF r11, the auxiliary register of blinding; also the limit in probing loads and the saved rax of fetching atomics. */
export const R10 = 10;
/** Scratch of the JIT itself. */
export const R11 = 11;
/** Holds the kernel address of the arena. */
export const R12 = 12;
export const R13 = 13;
export const R14 = 14;
export const R15 = 15;

/**
 * The hardware register of every register number. With a private stack the frame pointer is r9 instead of rbp everywhere in
 * the function's body. Numbers that are no register map to themselves; the verifier lets none through.
 */
export function hardwareRegisters(auxiliaryRegister: number, privateStack: boolean): Uint8Array {
  return TABLES[auxiliaryRegister - 11]![privateStack ? 1 : 0]!;
}

const BPF_REGISTERS = [RAX, RDI, RSI, RDX, RCX, R8, RBX, R13, R14, R15];

const TABLES = [11, 12].map((auxiliary) =>
  [RBP, R9].map((frame) => {
    const table = Uint8Array.from({ length: 16 }, (_, number) => BPF_REGISTERS[number] ?? number);
    table[FRAME_POINTER] = frame;
    table[auxiliary] = R10;
    return table;
  }),
);

/** Offsets of the saved registers in struct pt_regs, by hardware register; exception fixups name registers so. */
export const PT_REGS_OFFSET = ptRegsOffsets([
  [R15, 0],
  [R14, 8],
  [R13, 16],
  [R12, 24],
  [RBP, 32],
  [RBX, 40],
  [R11, 48],
  [R10, 56],
  [R9, 64],
  [R8, 72],
  [RAX, 80],
  [RCX, 88],
  [RDX, 96],
  [RSI, 104],
  [RDI, 112],
]);

function ptRegsOffsets(pairs: readonly (readonly [number, number])[]): Uint8Array {
  const table = new Uint8Array(16);
  for (const [register, offset] of pairs) table[register] = offset;
  return table;
}
