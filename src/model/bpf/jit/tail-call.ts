/**
 * Tail calls: into a program found in a map at run time, or into one that the kernel patches in
 * (arch/x86/net/bpf_jit_comp.c:emit_bpf_tail_call_indirect(), emit_bpf_tail_call_direct(), bpf_tail_call_direct_fixup()).
 * Both go on behind themselves when the count is used up or there is no program.
 */
import { emitIndirectJump } from './call.ts';
import { MAX_TAIL_CALLS, popSavedRegisters } from './frame.ts';
import type { FunctionContext } from './function-context.ts';
import { endbrSize, type JitMachine, type KernelAddress } from './machine.ts';
import type { TailCallSite } from './program.ts';
import { RAX, RCX } from './registers.ts';

/** Where a tail call enters a function: behind the part of the prologue that it does not repeat (X86_TAIL_CALL_OFFSET). */
export function tailCallOffset(machine: JitMachine): number {
  return (machine.behaviour.tailCallCounter === 'by-pointer' ? 12 : 11) + endbrSize(machine);
}

/** rsi is the map and edx the index; rcx finally holds the address to enter. */
export function emitIndirectTailCall(c: FunctionContext): void {
  const { emitter: e, machine } = c;
  const { maxEntries, pointers, bpfFunc } = machine.offsets;
  const out: number[] = [];
  e.sequence(0x89, 0xd2);
  e.sequence(0x39, 0x56, maxEntries);
  out.push(emitForwardJump(c, 0x76));
  out.push(emitCountCheck(c));
  if (machine.behaviour.tailCallCounter === 'by-value') emitCountUp(c);
  e.sequence(0x48, 0x8b, 0x8c, 0xd6);
  e.word32(pointers);
  e.onRegisters(true, 0x85, RCX, RCX);
  out.push(emitForwardJump(c, 0x74));
  if (machine.behaviour.tailCallCounter === 'by-pointer') emitCountUp(c);
  emitUnwind(c);
  e.sequence(0x48, 0x8b, 0x49, bpfFunc);
  e.sequence(0x48, 0x83, 0xc1, tailCallOffset(machine));
  emitIndirectJump(c);
  for (const jump of out) land(c, jump);
}

/** Emitted with an empty slot: the bypass jumps out, and a nop waits for the target. */
export function emitDirectTailCall(c: FunctionContext, descriptor: number): void {
  const { emitter: e, machine } = c;
  const usedUp = emitCountCheck(c);
  if (machine.behaviour.tailCallCounter === 'by-value') emitCountUp(c);
  const bypassOffset = e.length;
  e.relative32(0xe9, 0);
  if (machine.behaviour.tailCallCounter === 'by-pointer') emitCountUp(c);
  emitUnwind(c);
  const targetOffset = e.length;
  e.nops(5);
  const resumeOffset = e.length;
  land(c, usedUp);
  writeWord32(e.bytes, bypassOffset + 1, resumeOffset - (bypassOffset + 5));
  if (c.image !== undefined) c.tailCalls.push({ bypassOffset, targetOffset, resumeOffset, descriptor });
}

/** Patches a site as the kernel does when its slot holds a program: the bypass falls through, the nop becomes a jump. */
export function populateTailCall(
  code: Uint8Array,
  address: KernelAddress,
  site: TailCallSite,
  target: KernelAddress,
): void {
  code.set(NOP5, site.bypassOffset);
  code[site.targetOffset] = 0xe9;
  writeWord32(code, site.targetOffset + 1, target - (address + site.targetOffset + 5));
}

const NOP5 = Uint8Array.of(0x0f, 0x1f, 0x44, 0x00, 0x00);

/** Leaves when the count has reached its limit. Returns the open jump. */
function emitCountCheck(c: FunctionContext): number {
  const { emitter: e, machine } = c;
  if (machine.behaviour.tailCallCounter === 'by-pointer') {
    e.sequence(0x48, 0x8b, 0x85);
    e.word32(-16 - c.stackBytes);
    e.sequence(0x48, 0x83, 0x38, MAX_TAIL_CALLS);
  } else {
    e.sequence(0x8b, 0x85);
    e.word32(countSlot(c));
    e.sequence(0x83, 0xf8, MAX_TAIL_CALLS);
  }
  return emitForwardJump(c, 0x73);
}

function emitCountUp(c: FunctionContext): void {
  const { emitter: e, machine } = c;
  if (machine.behaviour.tailCallCounter === 'by-pointer') {
    e.sequence(0x48, 0x83, 0x00, 0x01);
  } else {
    e.sequence(0x83, 0xc0, 0x01);
    e.sequence(0x89, 0x85);
    e.word32(countSlot(c));
  }
}

/** By value the count is the upper half of the pushed rax. Taken so from the recordings of 6.1: rbp - 4 - stack. */
const countSlot = (c: FunctionContext): number => -4 - c.stackBytes;

/** Leaves the frame to the callee, which is entered behind its own set-up of rbp. */
function emitUnwind(c: FunctionContext): void {
  const { emitter: e, machine } = c;
  popSavedRegisters(c);
  e.pop(RAX);
  if (machine.behaviour.tailCallCounter === 'by-pointer') e.pop(RAX);
  if (c.stackBytes > 0) {
    e.sequence(0x48, 0x81, 0xc4);
    e.word32(c.stackBytes);
  }
}

/** A two-byte jump whose distance is still open; returns the offset behind it. */
function emitForwardJump({ emitter: e }: FunctionContext, opcode: number): number {
  e.sequence(opcode, 0);
  return e.length;
}

function land({ emitter: e }: FunctionContext, jump: number): void {
  e.bytes[jump - 1] = e.length - jump;
}

function writeWord32(bytes: Uint8Array, at: number, value: number): void {
  for (let i = 0; i < 4; i++) bytes[at + i] = value >> (8 * i);
}
