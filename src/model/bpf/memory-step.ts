/**
 * What loads, stores and atomic operations mean: RFC 9669 sections 5.1 to 5.3, and the kernel's probing modes, which the
 * verifier puts where an address may be bad. A plain access to a bad address ends the program; a probing one reads zero
 * or writes nothing (kernel/bpf/arena.c and arch/x86/net/bpf_jit_comp.c:ex_handler_bpf()).
 */
import { u64 } from '../../base/word.ts';
import type { MemoryPort } from '../machine/cpu/memory-port.ts';
import { highHalf, joinHalves, lowHalf } from '../machine/cpu/register-file.ts';
import { CLASS, type Instruction, MODE, sizeOf } from './encoding.ts';
import type { Step } from './meaning.ts';
import type { BpfRegisters } from './registers.ts';

/** Where a program's arena lies. */
export interface ArenaWindow {
  /** Kernel address of the byte whose low 32 address bits are zero (kern_vm_start). */
  readonly kernelStart: bigint;
  /** User address of the arena; its upper half is that of every arena pointer. */
  readonly userStart: bigint;
}

/** A fault the kernel reports on the program's stderr stream: "Arena READ access at unmapped address". */
export interface ArenaFault {
  readonly write: boolean;
  /** The user address, as the kernel works it out. */
  readonly address: bigint;
}

export interface MemoryContext {
  readonly registers: BpfRegisters;
  readonly port: MemoryPort;
  readonly arena: ArenaWindow | undefined;
  /** Ends the program at the instruction of this index; the port knows no more than the address's halves. */
  endAtFault(index: number, address: bigint, size: number, write: boolean): number;
  reportArenaFault(fault: ArenaFault): void;
}

/** Which of the three kinds of address an instruction has. */
export type Addressing = 'plain' | 'probe' | 'arena';

export function addressingOf(opcode: number): Addressing {
  const mode = opcode & 0xe0;
  const isLoad = (opcode & 7) === CLASS.LDX;
  if (mode === MODE.PROBE_MEM32 || mode === MODE.PROBE_ATOMIC) return 'arena';
  if (isLoad && mode === MODE.PROBE_MEM32SX) return 'arena';
  return mode === MODE.PROBE_MEM || mode === MODE.PROBE_MEMSX ? 'probe' : 'plain';
}

export function loadStep(context: MemoryContext, instruction: Instruction, index: number): Step {
  const { registers, port } = context;
  const { opcode, dst, src, offset } = instruction;
  const size = sizeOf(opcode);
  const mode = opcode & 0xe0;
  const signed = mode === MODE.MEMSX || mode === MODE.PROBE_MEMSX || mode === MODE.PROBE_MEM32SX;
  const addressing = addressingOf(opcode);
  if (addressing !== 'plain') return probingLoad(context, instruction, signed, addressing);
  const halves = registers.signedHalves;
  return () => {
    const lo = (halves[2 * src]! + offset) | 0;
    const carry = lo >>> 0 < offset >>> 0 ? 1 : 0;
    const hi = (halves[2 * src + 1]! + (offset >> 31) + carry) | 0;
    if (port.load(lo, hi, size) !== undefined) return context.endAtFault(index, joinHalves(lo, hi), size, false);
    keepLoaded(registers, port, dst, size, signed);
    return undefined;
  };
}

/** A load that may fault: it then gives zero, and one from an arena is reported. */
function probingLoad(context: MemoryContext, instruction: Instruction, signed: boolean, addressing: Addressing): Step {
  const { registers, port } = context;
  const { opcode, dst, src, offset } = instruction;
  const size = sizeOf(opcode);
  return () => {
    const address = addressOf(context, src, offset, addressing);
    const forbidden = addressing === 'probe' && isProbeForbidden(address);
    if (!forbidden && port.load(lowHalf(address), highHalf(address), size) === undefined) {
      keepLoaded(registers, port, dst, size, signed);
    } else {
      if (addressing === 'arena') report(context, registers.words[src]!, offset, false);
      registers.words[dst] = 0n;
    }
  };
}

/** ST and STX. `source` is the word stored: a register or a constant. */
export function storeStep(context: MemoryContext, instruction: Instruction, index: number, source: number): Step {
  const { registers, port } = context;
  const { opcode, dst, offset } = instruction;
  const size = sizeOf(opcode);
  const halves = registers.signedHalves;
  if (addressingOf(opcode) === 'arena') {
    return () => {
      const address = addressOf(context, dst, offset, 'arena');
      const [lo, hi] = [lowHalf(address), highHalf(address)];
      const fault = port.store(lo, hi, size, halves[2 * source]!, halves[2 * source + 1]!);
      if (fault !== undefined) report(context, registers.words[dst]!, offset, true);
    };
  }
  return () => {
    const lo = (halves[2 * dst]! + offset) | 0;
    const carry = lo >>> 0 < offset >>> 0 ? 1 : 0;
    const hi = (halves[2 * dst + 1]! + (offset >> 31) + carry) | 0;
    const fault = port.store(lo, hi, size, halves[2 * source]!, halves[2 * source + 1]!);
    return fault === undefined ? undefined : context.endAtFault(index, joinHalves(lo, hi), size, true);
  };
}

/** The address an instruction names by a base register and its offset. Arena pointers count by their low half only. */
export function addressOf(context: MemoryContext, base: number, offset: number, addressing: Addressing): bigint {
  const { words, halves } = context.registers;
  if (addressing !== 'arena') return u64(words[base]! + BigInt(offset));
  return u64((context.arena?.kernelStart ?? 0n) + BigInt(halves[2 * base]!) + BigInt(offset));
}

/** The kernel adds the whole register, which it takes to be a low half, to the upper half of the user address. */
export function report(context: MemoryContext, register: bigint, offset: number, write: boolean): void {
  const upper = ((context.arena?.userStart ?? 0n) >> 32n) << 32n;
  context.reportArenaFault({ write, address: u64(upper + register + BigInt(offset)) });
}

/** Puts the value the port loaded into a register, sign-extended to 64 bits or zero-extended. */
export function keepLoaded(
  registers: BpfRegisters,
  port: MemoryPort,
  dst: number,
  size: number,
  signed: boolean,
): void {
  const halves = registers.signedHalves;
  if (!signed) {
    halves[2 * dst] = port.lo;
    halves[2 * dst + 1] = port.hi;
    return;
  }
  const unused = 32 - 8 * size;
  const value = (port.lo << unused) >> unused;
  halves[2 * dst] = value;
  halves[2 * dst + 1] = value >> 31;
}

/**
 * Addresses PROBE_MEM never touches: user space with a page behind it, and from the vsyscall page to the end. These are
 * the bounds of a machine with four-level page tables (TASK_SIZE_MAX + PAGE_SIZE and VSYSCALL_ADDR).
 */
function isProbeForbidden(address: bigint): boolean {
  return address <= 0x8000_0000_0000n || address >= 0xffff_ffff_ff60_0000n;
}
