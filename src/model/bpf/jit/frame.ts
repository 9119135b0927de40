/**
 * How a function begins and ends (arch/x86/net/bpf_jit_comp.c:emit_prologue(), emit_cfi() and the exit of do_jit()).
 * The frame, from high to low addresses: return address, rbp, BPF stack, tail-call counter, callee-saved registers.
 */
import { emitCountedCall, emitReturn } from './call.ts';
import type { Emitter } from './emitter.ts';
import type { FunctionContext } from './function-context.ts';
import { hasEndbr } from './machine.ts';
import { R9, R12, R13, R14, R15, RBX } from './registers.ts';

/** MAX_TAIL_CALL_CNT */
export const MAX_TAIL_CALLS = 33;

/** Everything before the first BPF instruction. */
export function emitPrologue(c: FunctionContext, wasClassic: boolean): void {
  const { emitter: e, fn, machine } = c;
  emitControlFlowPreamble(c);
  e.nops(5);
  if (!wasClassic) emitTailCallCountStart(c);
  if (fn.exceptionCallback) emitTakeOverFrame(e);
  else emitOwnFrame(e);
  if (hasEndbr(machine)) emitEndbr(e);
  if (c.stackBytes > 0) {
    e.sequence(0x48, 0x81, 0xec);
    e.word32(c.stackBytes);
  }
  if (fn.tailCallReachable) emitTailCallSlots(c);
  pushSavedRegisters(c);
  if (c.arena !== undefined) loadAddress(c, R12, c.arena.kernelStart);
  if (fn.privateStack !== undefined) emitPrivateStackPointer(c, fn.privateStack);
}

/** The one place a function returns from. */
export function emitEpilogue(c: FunctionContext, clearsBranchHistory: boolean): void {
  if (clearsBranchHistory) emitBranchHistoryBarrier(c);
  popSavedRegisters(c);
  c.emitter.byte(0xc9);
  emitReturn(c);
}

/** Restores what {@link emitPrologue} saved; a tail call needs it too, without leaving the frame. */
export function popSavedRegisters({ emitter: e, saved, arena, fn }: FunctionContext): void {
  for (let i = saved.length - 1; i >= 0; i--) e.pop(saved[i]!);
  if (fn.exceptionBoundary || arena !== undefined) e.pop(R12);
}

function pushSavedRegisters({ emitter: e, saved, arena, fn }: FunctionContext): void {
  if (fn.exceptionBoundary || arena !== undefined) e.push(R12);
  for (const register of saved) e.push(register);
}

/** What an indirect caller's check expects in front of the function proper. */
function emitControlFlowPreamble(c: FunctionContext): void {
  const { emitter: e, isSubprogram, machine } = c;
  const { controlFlow } = machine;
  switch (controlFlow.kind) {
    case 'none':
      return;
    case 'ibt':
      emitEndbr(e);
      return;
    case 'kcfi':
      e.byte(0xb8);
      e.word32(isSubprogram ? controlFlow.hashes.subprogram : controlFlow.hashes.main);
      if (controlFlow.callPadding) for (let i = 0; i < 11; i++) e.byte(0x90);
      if (controlFlow.ibt) emitEndbr(e);
      return;
    case 'fineibt':
      emitFineIbt(c, controlFlow.hashes, controlFlow.bhiArguments);
  }
}

/**
 * Sixteen bytes that compare the hash the caller left in a register, then a nop where a function normally has its endbr64.
 * Written from memory of arch/x86/net/bpf_jit_comp.c:emit_fineibt(); no recording shows it.
 */
function emitFineIbt(
  c: FunctionContext,
  hashes: { readonly main: number; readonly subprogram: number },
  bhiArguments: readonly [number, number] | undefined,
): void {
  const { emitter: e, isSubprogram, machine } = c;
  const hash = isSubprogram ? hashes.subprogram : hashes.main;
  emitEndbr(e);
  if (machine.behaviour.fineIbt === 'r10') {
    e.sequence(0x41, 0x81, 0xea);
    e.word32(hash);
    e.sequence(0x74, 0x07, 0x0f, 0x0b);
    e.byte(0x90);
  } else {
    e.byte(0x2d);
    e.word32(hash);
    if (bhiArguments !== undefined) {
      e.sequence(0x2e, 0x2e);
      e.relative32(0xe8, c.displacementTo(bhiArguments[isSubprogram ? 1 : 0]));
    } else {
      e.sequence(0x2e, 0x0f, 0x85);
      e.word32(3);
    }
  }
  if (machine.behaviour.poisonedEndbr === 'nop-0xd6') e.sequence(0x0f, 0x1f, 0x40, 0xd6);
  else e.sequence(0x66, 0x0f, 0x1f, 0x00);
}

/** Zeroes the count in main; the same number of bytes elsewhere, so that tail calls enter all functions at one offset. */
function emitTailCallCountStart({ emitter: e, fn, isSubprogram, machine }: FunctionContext): void {
  const byPointer = machine.behaviour.tailCallCounter === 'by-pointer';
  if (fn.tailCallReachable && !isSubprogram) e.onRegisters(byPointer, 0x31, 0, 0);
  else e.nops(byPointer ? 3 : 2);
}

function emitOwnFrame(e: Emitter): void {
  e.byte(0x55);
  e.sequence(0x48, 0x89, 0xe5);
}

/** bpf_throw() passes the boundary's stack pointer in rsi and its frame pointer in rdx. */
function emitTakeOverFrame(e: Emitter): void {
  e.sequence(0x48, 0x89, 0xf4);
  e.sequence(0x48, 0x89, 0xd5);
  for (const register of [R15, R14, R13, RBX, R12]) e.pop(register);
  e.sequence(0x48, 0x89, 0xec);
}

/**
 * By value the count is one word. By pointer there are two, the count and the address of the count: main makes the count its
 * own unless rax already holds an address, which is told by its being larger than any count.
 */
function emitTailCallSlots({ emitter: e, isSubprogram, machine }: FunctionContext): void {
  if (machine.behaviour.tailCallCounter === 'by-value') {
    e.byte(0x50);
  } else if (isSubprogram) {
    e.sequence(0x50, 0x50);
  } else {
    e.sequence(0x48, 0x83, 0xf8, MAX_TAIL_CALLS);
    e.sequence(0x77, 0x06);
    e.byte(0x50);
    e.sequence(0x48, 0x89, 0xe0);
    e.sequence(0xeb, 0x01);
    e.sequence(0x50, 0x50);
  }
}

/** r9 becomes this CPU's copy of the private stack. */
function emitPrivateStackPointer(c: FunctionContext, stack: bigint): void {
  loadAddress(c, R9, stack);
  if (c.machine.thisCpuOffset === undefined) return;
  c.emitter.sequence(0x65, 0x4c, 0x03, 0x0c);
  c.emitter.byte(0x25);
  c.emitter.word32(c.machine.thisCpuOffset);
}

function loadAddress({ emitter, machine }: FunctionContext, register: number, address: bigint): void {
  const low = Number(BigInt.asIntN(32, address));
  const high = Number(BigInt.asIntN(32, address >> 32n));
  emitter.loadImmediate64(register, low, high, machine.behaviour.loadsSignExtended);
}

/** Forgets branches, so that a classic filter of an unprivileged user cannot steer the kernel's. Read in source only. */
function emitBranchHistoryBarrier(c: FunctionContext): void {
  const { emitter: e, machine } = c;
  const { loop, hardware, hypervisor } = machine.branchHistory;
  if (loop !== undefined) {
    e.sequence(0x50, 0x51);
    emitCountedCall(c, loop);
    e.sequence(0x59, 0x58);
  }
  if (hardware || (loop !== undefined && hypervisor)) {
    e.sequence(0xf3, 0x48, 0x0f, 0x1e);
    e.byte(0xf8);
  }
}

function emitEndbr(e: Emitter): void {
  e.sequence(0xf3, 0x0f, 0x1e, 0xfa);
}
