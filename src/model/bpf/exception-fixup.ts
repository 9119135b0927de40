/**
 * What the kernel does when a load or store of JITed code faults: arch/x86/net/bpf_jit_comp.c:ex_handler_bpf(). It finds
 * the instruction in the program's exception table, clears the destination unless told not to, and goes on behind it.
 */
import { u64 } from '../../base/word.ts';
import { REGISTERS, type RegisterFile, type RegisterName } from '../machine/cpu/register-file.ts';
import type { ArenaFault } from './memory-step.ts';

/** One entry of an exception table, 12 bytes: three little-endian words that mean what the names say. */
export interface ExceptionEntry {
  /** Address of the instruction that may fault. */
  readonly instruction: bigint;
  /**
   * ```
   * 31        30        29..24  23..16          15..8                7..0
   * is arena  is write  0       pt_regs offset  pt_regs offset       length of the
   *                             of the base     of the destination   instruction
   * ```
   * A destination offset of 1 means that nothing is cleared. Until 7.2 no entry says that it is a write; there a write is
   * what clears nothing.
   */
  readonly fixup: number;
  /** The handler type in the low half; the offset of an arena access, signed, in the high half. */
  readonly data: number;
}

/** Offsets of general registers in struct pt_regs (arch/x86/include/asm/ptrace.h), each eight bytes. */
const PT_REGS = ['r15', 'r14', 'r13', 'r12', 'rbp', 'rbx', 'r11', 'r10', 'r9', 'r8', 'rax', 'rcx', 'rdx', 'rsi', 'rdi'];
const DONT_CLEAR = 1;
const IS_WRITE = 1 << 30;

/** Reads the entry at an address; the instruction is named by its distance from there. */
export function readExceptionEntry(address: bigint, bytes: Uint8Array): ExceptionEntry {
  const view = new DataView(bytes.buffer, bytes.byteOffset, 12);
  return {
    instruction: u64(address + BigInt(view.getInt32(0, true))),
    fixup: view.getInt32(4, true),
    data: view.getInt32(8, true),
  };
}

/**
 * Does what the handler does to the registers. `userStart` is the arena's, for the report.
 * @returns what the kernel tells the program's stderr stream, when the access was one to an arena.
 */
export function applyFixup(entry: ExceptionEntry, registers: RegisterFile, userStart: bigint): ArenaFault | undefined {
  const { fixup, data } = entry;
  const destination = (fixup >>> 8) & 0xff;
  const clears = destination !== DONT_CLEAR;
  let fault: ArenaFault | undefined;
  if (fixup < 0) {
    const base = registers.get(registerAt((fixup >>> 16) & 0xff));
    const upper = (userStart >> 32n) << 32n;
    fault = { write: !clears || (fixup & IS_WRITE) !== 0, address: u64(upper + base + BigInt(data >> 16)) };
  }
  if (clears) registers.set(registerAt(destination), 0n);
  registers.ip = u64(entry.instruction + BigInt(fixup & 0xff));
  return fault;
}

function registerAt(offset: number): RegisterName {
  const name = PT_REGS[offset >> 3];
  const known = REGISTERS.find((register) => register === name);
  if (known === undefined) throw new RangeError(`pt_regs has no general register at offset ${offset}`);
  return known;
}
