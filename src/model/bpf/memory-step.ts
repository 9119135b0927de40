/**
 * What loads and stores mean: RFC 9669 sections 5.1 and 5.2, and the kernel's probing modes, which the verifier puts
 * where an address may be bad. A plain access to a bad address ends the program; a probing one reads zero or writes
 * nothing (kernel/bpf/arena.c and arch/x86/net/bpf_jit_comp.c:ex_handler_bpf()).
 */
import { u64 } from '../../base/word.ts';
import type { MemoryPort } from '../machine/cpu/memory-port.ts';
import { bytesMovedBy, type Instruction, InternalMode, Mode } from './instruction.ts';
import type { Step } from './meaning.ts';
import { type Addressing, addressingOf, type Place } from './place.ts';
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

/** What the steps of a program share. */
export interface MemoryContext {
  readonly registers: BpfRegisters;
  readonly port: MemoryPort;
  readonly place: Place;
  readonly arena: ArenaWindow | undefined;
  readonly clearsFaultedAtomics: boolean;
  /** Whether a 32-bit compare-and-exchange that faults in the arena still extends r0: an instruction after it does. */
  readonly extendsArenaExchange: boolean;
  /** Whether a pointer whose upper half is zero is one into the arena, whatever the instruction says. */
  readonly arenaByPointer: boolean;
  /** Ends the program at the instruction of this index, whose place could not be used. */
  endAtFault(index: number, size: number, write: boolean): number;
  reportArenaFault(fault: ArenaFault): void;
}

/** LDX. */
export function loadStep(context: MemoryContext, instruction: Instruction, index: number): Step {
  const { registers, port, place } = context;
  const { opcode, dst, src, offset } = instruction;
  const size = bytesMovedBy(opcode);
  const mode = opcode & 0xe0;
  const isSigned = mode === Mode.MEMSX || mode === InternalMode.PROBE_MEMSX || mode === InternalMode.PROBE_MEM32SX;
  const addressing = addressingOf(opcode);
  if (addressing === 'plain' && !context.arenaByPointer) {
    return () => {
      place.locate(registers, src, offset, 'plain');
      if (port.load(place.lo, place.hi, size) !== undefined) return context.endAtFault(index, size, false);
      keepLoaded(context, dst, size, isSigned);
      return undefined;
    };
  }
  return () => {
    const way = addressingBy(context, addressing, src);
    place.locate(registers, src, offset, way);
    const isForbidden = way === 'probe' && place.isProbeForbidden;
    if (!isForbidden && port.load(place.lo, place.hi, size) === undefined) {
      keepLoaded(context, dst, size, isSigned);
      return undefined;
    }
    if (way === 'plain') return context.endAtFault(index, size, false);
    if (way === 'arena') report(context, src, offset, false);
    registers.words[dst] = 0n;
    return undefined;
  };
}

/** How an access finds its place, as far as its base register decides it. */
export function addressingBy(
  { arenaByPointer, registers }: MemoryContext,
  stated: Addressing,
  base: number,
): Addressing {
  return arenaByPointer && stated === 'plain' && registers.halves[2 * base + 1] === 0 ? 'arena' : stated;
}

/** ST and STX. `source` is the word stored: a register or a constant. */
export function storeStep(context: MemoryContext, instruction: Instruction, index: number, source: number): Step {
  const { registers, port, place } = context;
  const { opcode, dst, offset } = instruction;
  const size = bytesMovedBy(opcode);
  const addressing = addressingOf(opcode);
  const { signedHalves: halves } = registers;
  return () => {
    const way = addressingBy(context, addressing, dst);
    place.locate(registers, dst, offset, way);
    const fault = port.store(place.lo, place.hi, size, halves[2 * source]!, halves[2 * source + 1]!);
    if (fault === undefined) return undefined;
    if (way !== 'arena') return context.endAtFault(index, size, true);
    report(context, dst, offset, true);
    return undefined;
  };
}

/** The kernel adds the whole base register, which it takes to be a low half, to the upper half of the user address. */
export function report(context: MemoryContext, base: number, offset: number, write: boolean): void {
  const upper = ((context.arena?.userStart ?? 0n) >> 32n) << 32n;
  context.reportArenaFault({ write, address: u64(upper + context.registers.words[base]! + BigInt(offset)) });
}

/** Puts the value the port loaded into a register, sign-extended to 64 bits or zero-extended. */
export function keepLoaded(context: MemoryContext, dst: number, size: number, isSigned: boolean): void {
  const { signedHalves: halves } = context.registers;
  const { lo, hi } = context.port;
  const unused = 32 - 8 * size;
  const extended = isSigned ? (lo << unused) >> unused : lo;
  halves[2 * dst] = extended;
  halves[2 * dst + 1] = isSigned ? extended >> 31 : hi;
}
