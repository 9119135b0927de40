/** Calls, returns and indirect jumps, with what the boot's mitigations put around them. */
import { Callee } from '../instruction.ts';
import type { FunctionContext } from './function-context.ts';
import type { KernelAddress } from './machine.ts';
import { R9, RAX, RBP, RCX } from './registers.ts';

/**
 * A call of a helper, a kernel function or another function of the program; `immediate` is the distance of the callee from
 * __bpf_call_base. r1 to r5 need no saving: both calling conventions give them to the callee.
 */
export function emitCall(c: FunctionContext, callee: number, immediate: number): void {
  const { emitter: e, fn, machine } = c;
  if (immediate === 0) c.refuse('EINVAL', 'a call of __bpf_call_base itself');
  if (callee === Callee.FUNCTION && fn.tailCallReachable) {
    e.rex(true, RBP, RAX);
    e.byte(0x8b);
    e.byte(0x85);
    e.word32(
      -machine.decisions.counterDistance({ stackDepth: fn.stackDepth, stackBytes: c.stackBytes }) - counterSize(c),
    );
  }
  const saveR9 = fn.privateStack !== undefined;
  if (saveR9) e.push(R9);
  emitCountedCall(c, machine.callBase + immediate);
  if (saveR9) e.pop(R9);
}

/** By pointer the lower of two words is passed on, by value there is but one. */
const counterSize = ({ machine }: FunctionContext): number =>
  machine.behaviour.tailCallCounter === 'by-pointer' ? 16 : 8;

/** The call itself, after the accounting that keeps the return stack buffer from running empty. */
export function emitCountedCall(c: FunctionContext, target: KernelAddress): void {
  const { emitter: e, machine } = c;
  const start = e.length;
  if (!machine.countedCallees.has(target)) emitCallDepthAccounting(c);
  e.relative32(0xe8, c.displacementTo(target, machine.decisions.callOffset({ start, call: e.length })));
}

/** sar qword gs:[__x86_call_depth], 5 (arch/x86/kernel/callthunks.c). */
function emitCallDepthAccounting(c: FunctionContext): void {
  const { emitter: e, machine } = c;
  const counter = machine.callDepthCounter;
  if (counter === undefined) return;
  e.sequence(0x65, 0x48, 0xc1);
  if (machine.behaviour.callDepthAddressing === 'relative') {
    e.byte(0x3d);
    const end = e.length + 5;
    e.word32(c.image === undefined ? 0 : counter - (c.image + end));
  } else {
    e.sequence(0x3c, 0x25);
    e.word32(counter);
  }
  e.byte(5);
}

/** Returns to the caller: through the return thunk where one is in force. */
export function emitReturn(c: FunctionContext): void {
  const { emitter: e, machine } = c;
  if (machine.returnThunk !== undefined) {
    e.relative32(0xe9, c.displacementTo(machine.returnThunk));
  } else {
    e.byte(0xc3);
    if (machine.trapAfterReturn) e.byte(0xcc);
  }
}

/** Jumps to the address in rcx, in the way the boot found safe. */
export function emitIndirectJump(c: FunctionContext): void {
  const { emitter: e, machine } = c;
  const jump = machine.indirectJump;
  switch (jump.kind) {
    case 'thunk':
      e.relative32(0xe9, c.displacementTo(jump.address));
      return;
    case 'lfence':
      e.sequence(0x0f, 0xae, 0xe8);
      e.sequence(0xff, 0xe0 | RCX);
      return;
    case 'plain':
      e.sequence(0xff, 0xe0 | RCX);
      if (jump.trapAfter) e.byte(0xcc);
  }
}
