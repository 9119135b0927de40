/** Which x86 code loads, stores and atomic instructions become, and which of it may fault. */
import { Atomic, InternalMode, Mode, modeOf, Size, sizeOf } from '../instruction.ts';
import { emitFetchLoop, emitLocked, needsLoop } from './atomic.ts';
import { type ArenaAccess, arenaFault, atomicAccess, probeFault } from './exception-table.ts';
import { type FunctionContext, refuseOpcode } from './function-context.ts';
import * as memory from './memory.ts';

/** LDX: plain, arena or probing, each with or without extending the sign. */
export function emitLoad(c: FunctionContext, word: number, start: number): void {
  const { emitter: e, machine } = c;
  const to = c.hardware[(word >> 8) & 15]!;
  const base = c.hardware[(word >> 12) & 15]!;
  const size = sizeOf(word);
  const mode = modeOf(word);
  const offset = word >> 16;
  const signed = mode === Mode.MEMSX || mode === InternalMode.PROBE_MEMSX || mode === InternalMode.PROBE_MEM32SX;
  if (signed && size === Size.DW) {
    refuseOpcode(c, word);
  } else if (mode === Mode.MEM || mode === Mode.MEMSX) {
    memory.emitLoad(e, size, signed, base, to, offset);
  } else if (mode === InternalMode.PROBE_MEM32 || mode === InternalMode.PROBE_MEM32SX) {
    memory.emitArenaLoad(e, size, signed, base, to, offset);
    arenaMayFault(c, start, { write: false, clear: to, base, displacement: offset });
  } else if (mode === InternalMode.PROBE_MEM || mode === InternalMode.PROBE_MEMSX) {
    const access = memory.emitProbingLoad(e, { size, signed, base, to, offset }, machine);
    probeMayFault(c, { start, access, end: e.length }, to);
  } else {
    refuseOpcode(c, word);
  }
}

/** ST, and the speculation barrier that hides in it. */
export function emitStoreImmediate(c: FunctionContext, word: number, immediate: number, start: number): void {
  const { emitter: e } = c;
  const base = c.hardware[(word >> 8) & 15]!;
  const offset = word >> 16;
  switch (modeOf(word)) {
    case Mode.MEM:
      memory.emitStoreImmediate(e, sizeOf(word), base, offset, immediate);
      return;
    case InternalMode.PROBE_MEM32:
      memory.emitArenaStoreImmediate(e, sizeOf(word), base, offset, immediate);
      arenaMayFault(c, start, { write: true, clear: undefined, base, displacement: offset });
      return;
    case InternalMode.NOSPEC:
      if (sizeOf(word) !== Size.W) refuseOpcode(c, word);
      else e.sequence(0x0f, 0xae, 0xe8);
      return;
    default:
      refuseOpcode(c, word);
      return;
  }
}

/** STX without atomics. */
export function emitStore(c: FunctionContext, word: number, start: number): void {
  const { emitter: e } = c;
  const base = c.hardware[(word >> 8) & 15]!;
  const from = c.hardware[(word >> 12) & 15]!;
  const offset = word >> 16;
  switch (modeOf(word)) {
    case Mode.MEM:
      memory.emitStore(e, sizeOf(word), base, from, offset, c.machine.decisions.byteNeedsRex);
      return;
    case InternalMode.PROBE_MEM32:
      memory.emitArenaStore(e, sizeOf(word), base, from, offset);
      arenaMayFault(c, start, { write: true, clear: undefined, base, displacement: offset });
      return;
    default:
      refuseOpcode(c, word);
      return;
  }
}

/** STX with an atomic mode. */
export function emitAtomic(c: FunctionContext, word: number, kind: number, start: number): void {
  const { emitter: e, machine } = c;
  const dst = c.hardware[(word >> 8) & 15]!;
  const src = c.hardware[(word >> 12) & 15]!;
  const size = sizeOf(word);
  const offset = word >> 16;
  const arena = modeOf(word) === InternalMode.PROBE_ATOMIC;
  if (kind === Atomic.LOAD_ACQUIRE) {
    (arena ? memory.emitArenaLoad : memory.emitLoad)(e, size, false, src, dst, offset);
  } else if (kind === Atomic.STORE_RELEASE) {
    if (arena) memory.emitArenaStore(e, size, dst, src, offset);
    else memory.emitStore(e, size, dst, src, offset, machine.decisions.byteNeedsRex);
  } else if (size === Size.B || size === Size.H || (arena && needsLoop(kind))) {
    c.refuse('EFAULT', `atomic operation ${kind} of this size or place`);
    return;
  } else {
    const access = { kind, size, base: dst, register: src, offset, arena };
    if (needsLoop(kind)) emitFetchLoop(e, access, machine.decisions.fetchOperand);
    else if (!emitLocked(e, access, machine.behaviour.locksExchange)) c.refuse('EFAULT', `atomic operation ${kind}`);
  }
  if (arena)
    arenaMayFault(c, start, atomicAccess(kind, { dst, src, displacement: offset }, machine.behaviour.arenaFixup));
}

/** Notes that the load at the end of a checked sequence may fault. */
function probeMayFault(
  c: FunctionContext,
  sequence: { readonly start: number; readonly access: number; readonly end: number },
  to: number,
): void {
  if (c.image === undefined) return;
  const { faultingOffset, skippedBytes } = c.machine.decisions;
  c.faults.push(probeFault(faultingOffset(sequence), skippedBytes(sequence), to));
}

/** Notes that what was emitted since `start` may fault. */
function arenaMayFault(c: FunctionContext, start: number, access: ArenaAccess): void {
  if (c.image === undefined) return;
  c.faults.push(arenaFault(start, c.emitter.length - start, access, c.machine.behaviour.arenaFixup));
}
