/**
 * Loads and stores: plain, inside the arena, and through kernel pointers that may be bad
 * (arch/x86/net/bpf_jit_comp.c:emit_ldx(), emit_st_r12() and the PROBE_MEM part of do_jit()).
 */
import { Size } from '../instruction.ts';
import type { Emitter } from './emitter.ts';
import type { JitMachine } from './machine.ts';
import { R10, R11 } from './registers.ts';

/** A load of 1, 2, 4 or 8 bytes; bytes and half-words always name the 64-bit register. */
export function emitLoad(e: Emitter, size: number, signed: boolean, base: number, to: number, offset: number): void {
  e.onMemory(signed || size !== Size.W, loadOpcode(size, signed), base, to, offset);
}

/** The same relative to r12, where zero-extending loads of less than 8 bytes name the 32-bit register. */
export function emitArenaLoad(
  e: Emitter,
  size: number,
  signed: boolean,
  base: number,
  to: number,
  offset: number,
): void {
  e.onArena(signed || size === Size.DW, loadOpcode(size, signed), base, to, offset);
}

/**
 * A store of a register. sil, dil, bpl and r8b to r15b can only be named with a REX prefix, without which their numbers mean
 * dh, bh, ch; `byteNeedsRex` says when.
 */
export function emitStore(
  e: Emitter,
  size: number,
  base: number,
  from: number,
  offset: number,
  byteNeedsRex: (register: number) => boolean,
): void {
  if (size === Size.H) e.byte(0x66);
  if (size === Size.B && base < 8 && from < 8 && byteNeedsRex(from)) e.byte(0x40);
  e.onMemory(size === Size.DW, size === Size.B ? 0x88 : 0x89, base, from, offset);
}

export function emitArenaStore(e: Emitter, size: number, base: number, from: number, offset: number): void {
  if (size === Size.H) e.byte(0x66);
  e.onArena(size === Size.DW, size === Size.B ? 0x88 : 0x89, base, from, offset);
}

export function emitStoreImmediate(e: Emitter, size: number, base: number, offset: number, value: number): void {
  if (size === Size.H) e.byte(0x66);
  e.onMemory(size === Size.DW, size === Size.B ? 0xc6 : 0xc7, base, 0, offset);
  storedImmediate(e, size, value);
}

export function emitArenaStoreImmediate(e: Emitter, size: number, base: number, offset: number, value: number): void {
  if (size === Size.H) e.byte(0x66);
  e.onArena(size === Size.DW, size === Size.B ? 0xc6 : 0xc7, base, 0, offset);
  storedImmediate(e, size, value);
}

/**
 * A load that reads zero when its address is not a kernel address: the check, the zero, and a jump over the load. Returns
 * where the load begins, because only it has an exception table entry. `userLimitHigh` is (TASK_SIZE_MAX + PAGE_SIZE) >> 32.
 */
export function emitProbingLoad(
  e: Emitter,
  load: {
    readonly size: number;
    readonly signed: boolean;
    readonly base: number;
    readonly to: number;
    readonly offset: number;
  },
  { behaviour, decisions, userLimitHigh }: Pick<JitMachine, 'behaviour' | 'decisions' | 'userLimitHigh'>,
): number {
  const { size, signed, base, to, offset } = load;
  if (!decisions.probesWithOffset) checkBaseAlone(e, base, userLimitHigh);
  else if (behaviour.probeCheck === 'above-vsyscall') checkAboveVsyscall(e, base, offset, userLimitHigh);
  else checkAboveUserLimit(e, base, offset, userLimitHigh);
  const skipZero = e.length;
  e.loadImmediate32(to, 0, false);
  e.sequence(0xeb, 0);
  const start = e.length;
  e.bytes[skipZero - 1] = start - skipZero;
  emitLoad(e, size, signed, base, to, offset);
  e.bytes[start - 1] = e.length - start;
  return start;
}

/** The page that still answers to user space high up in the kernel's half of the address space. */
const VSYSCALL_ADDRESS = -0xa00000;

/**
 * One comparison rejects user addresses and the vsyscall page: everything is counted from that page, so that the rejected
 * addresses become one range. Ends with the jump taken by good addresses, its distance still open.
 */
function checkAboveVsyscall(e: Emitter, base: number, offset: number, userLimitHigh: number): void {
  e.loadImmediate64(R10, VSYSCALL_ADDRESS, -1, true);
  e.move(true, R11, base);
  if (offset !== 0) {
    e.onRegister(true, 0x81, 0, R11);
    e.word32(offset);
  }
  e.onRegisters(true, 0x29, R11, R10);
  e.loadImmediate64(R10, -VSYSCALL_ADDRESS, userLimitHigh, true);
  e.onRegisters(true, 0x39, R11, R10);
  e.sequence(0x77, 0);
}

/** Not enough: a base just below the end of the address space and a positive offset lead to user space. */
function checkBaseAlone(e: Emitter, base: number, userLimitHigh: number): void {
  e.loadImmediate64(R11, 0, userLimitHigh, true);
  e.onRegisters(true, 0x39, base, R11);
  e.sequence(0x73, 0);
}

/** The older check: the base must be above the user range, and adding the offset must not wrap around. */
function checkAboveUserLimit(e: Emitter, base: number, offset: number, userLimitHigh: number): void {
  e.loadImmediate64(R11, Math.abs(offset), userLimitHigh, true);
  e.onRegisters(true, 0x39, base, R11);
  e.sequence(0x72, 12);
  e.move(true, R11, base);
  e.onRegister(true, 0x81, 0, R11);
  e.word32(offset);
  e.sequence(0x73, 0);
}

function loadOpcode(size: number, signed: boolean): number {
  switch (size) {
    case Size.B:
      return signed ? 0x0fbe : 0x0fb6;
    case Size.H:
      return signed ? 0x0fbf : 0x0fb7;
    default:
      return signed ? 0x63 : 0x8b;
  }
}

/** As many bytes of the immediate as the access is wide; a 64-bit store extends the sign of 32 bits. */
function storedImmediate(e: Emitter, size: number, value: number): void {
  if (size === Size.B) e.byte(value);
  else if (size === Size.H) e.word16(value);
  else e.word32(value);
}
