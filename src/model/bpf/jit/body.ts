/**
 * One pass over a function (arch/x86/net/bpf_jit_comp.c:do_jit()): the prologue, then the code of every instruction in
 * order. A pass without an image only measures; the pass with one must find every instruction where the last pass left it.
 */
import {
  Atomic,
  Class,
  classOf,
  InternalMode,
  Jump,
  LD_IMM64,
  Mode,
  MoveOffset,
  modeOf,
  Operation,
  operationOf,
  Size,
  Source,
  sizeOf,
} from '../instruction.ts';
import * as alu from './alu.ts';
import { emitFetchLoop, emitLocked, needsLoop } from './atomic.ts';
import { emitCall } from './call.ts';
import { type ArenaAccess, arenaFault, atomicAccess, probeFault } from './exception-table.ts';
import { emitEpilogue, emitPrologue } from './frame.ts';
import type { FunctionContext } from './function-context.ts';
import { emitComparison, emitConditionalJump, emitJump, emitJumpToEpilogue } from './jump.ts';
import * as memory from './memory.ts';
import { emitDirectTailCall, emitIndirectTailCall } from './tail-call.ts';

/** BPF_MAX_INSN_SIZE: the kernel gives up on an instruction that needs more bytes. */
const MAX_INSTRUCTION_BYTES = 128;
const MAX_PROLOGUE_BYTES = 128;

/** What the whole program says about every function of it. */
export interface PassOptions {
  readonly wasClassic: boolean;
  readonly clearsBranchHistory: boolean;
}

/** Emits the function into the context's emitter, from its position 0, and leaves the length there. */
export function emitFunction(c: FunctionContext, options: PassOptions): void {
  const { emitter: e, words, count, ends } = c;
  e.length = 0;
  e.reserve(MAX_PROLOGUE_BYTES);
  emitPrologue(c, options.wasClassic);
  ends[0] = e.length;
  let seenExit = false;
  for (let i = 0; i < count; i++) {
    const start = e.length;
    e.reserve(2 * MAX_INSTRUCTION_BYTES);
    const word = words[2 * i]!;
    const immediate = words[2 * i + 1]!;
    const opcode = word & 0xff;
    if (opcode === LD_IMM64) {
      if (++i >= count) return c.refuse('EINVAL', 'a wide load without its second slot');
      const to = c.hardware[(word >> 8) & 15]!;
      e.loadImmediate64(to, immediate, words[2 * i + 1]!, c.machine.behaviour.loadsSignExtended);
    } else if (opcode === (Class.JMP | Jump.EXIT)) {
      if (seenExit) {
        emitJumpToEpilogue(c, i, start);
      } else {
        seenExit = true;
        c.cleanup = start;
        emitEpilogue(c, options.clearsBranchHistory);
      }
    } else {
      emitInstruction(c, i, word, immediate, start);
    }
    if (e.length - start > MAX_INSTRUCTION_BYTES) c.refuse('EFAULT', `slot ${i} takes ${e.length - start} bytes`);
    if (c.image !== undefined && e.length !== ends[i + 1]) c.refuse('EFAULT', `slot ${i} moved in the last pass`);
    if (c.refusal !== undefined) return;
    ends[i + 1] = e.length;
  }
}

function emitInstruction(c: FunctionContext, i: number, word: number, immediate: number, start: number): void {
  switch (word & 7) {
    case Class.ALU:
    case Class.ALU64:
      emitArithmetic(c, word, immediate);
      return;
    case Class.LDX:
      emitLoad(c, word, start);
      return;
    case Class.ST:
      emitStoreImmediate(c, word, immediate, start);
      return;
    case Class.STX:
      return modeOf(word) === Mode.ATOMIC || modeOf(word) === InternalMode.PROBE_ATOMIC
        ? emitAtomic(c, word, immediate, start)
        : emitStore(c, word, start);
    case Class.JMP:
    case Class.JMP32:
      emitJumpClass(c, i, word, immediate, start);
      return;
    default:
      unknownOpcode(c, word);
      return;
  }
}

function emitArithmetic(c: FunctionContext, word: number, immediate: number): void {
  const { emitter: e } = c;
  const wide = (word & 7) === Class.ALU64;
  const to = c.hardware[(word >> 8) & 15]!;
  const by = c.hardware[(word >> 12) & 15]!;
  const fromRegister = (word & Source.X) !== 0;
  const operation = operationOf(word);
  switch (operation) {
    case Operation.ADD:
    case Operation.SUB:
    case Operation.AND:
    case Operation.OR:
    case Operation.XOR:
      if (fromRegister) e.onRegisters(wide, alu.arithmeticOpcode(operation), to, by);
      else alu.emitArithmeticImmediate(e, operation, wide, to, immediate);
      return;
    case Operation.MOV:
      if (fromRegister) emitMove(c, word, immediate, to, by);
      else e.loadImmediate32(to, immediate, wide);
      return;
    case Operation.NEG:
      e.onRegister(wide, 0xf7, 3, to);
      return;
    case Operation.MUL:
      return fromRegister ? alu.emitMultiply(e, wide, to, by) : alu.emitMultiplyImmediate(e, wide, to, immediate);
    case Operation.DIV:
    case Operation.MOD: {
      const what = { remainder: operation === Operation.MOD, signed: word >> 16 === 1, wide };
      return alu.emitDivide(e, what, to, fromRegister ? by : undefined, immediate);
    }
    case Operation.LSH:
    case Operation.RSH:
    case Operation.ARSH:
      if (fromRegister) alu.emitShift(e, operation, wide, to, by, c.shiftWay);
      else alu.emitShiftImmediate(e, operation, wide, to, immediate);
      return;
    case Operation.END:
      return wide || fromRegister ? alu.emitByteSwap(e, immediate, to) : alu.emitTruncate(e, immediate, to);
    default:
      unknownOpcode(c, word);
      return;
  }
}

/** A move by register: plain, sign-extending, or one of the two address conversions, as the offset says. */
function emitMove(c: FunctionContext, word: number, immediate: number, to: number, from: number): void {
  const { emitter: e, arena, machine } = c;
  const wide = (word & 7) === Class.ALU64;
  const offset = word >> 16;
  if (offset === 0) {
    if (!wide || to !== from) e.move(wide, to, from);
  } else if (wide && offset === MoveOffset.ADDRESS_SPACE_CAST && immediate === CAST_TO_USER) {
    alu.emitCastToUser(e, to, from, arena === undefined ? 0 : Number(BigInt.asIntN(32, arena.userStart >> 32n)));
  } else if (wide && offset === MoveOffset.PER_CPU_ADDRESS) {
    alu.emitPerCpuAddress(e, to, from, machine.thisCpuOffset);
  } else {
    alu.emitSignExtendingMove(e, wide, offset, to, from);
  }
}

/** The immediate of a cast from address space 0 to 1: target space in the lower half, source space in the upper. */
const CAST_TO_USER = 1 << 16;

function emitLoad(c: FunctionContext, word: number, start: number): void {
  const { emitter: e, machine } = c;
  const to = c.hardware[(word >> 8) & 15]!;
  const base = c.hardware[(word >> 12) & 15]!;
  const size = sizeOf(word);
  const offset = word >> 16;
  switch (modeOf(word)) {
    case Mode.MEM:
      memory.emitLoad(e, size, false, base, to, offset);
      return;
    case Mode.MEMSX:
      memory.emitLoad(e, size, true, base, to, offset);
      return;
    case InternalMode.PROBE_MEM32:
    case InternalMode.PROBE_MEM32SX:
      memory.emitArenaLoad(e, size, modeOf(word) === InternalMode.PROBE_MEM32SX, base, to, offset);
      arenaMayFault(c, start, { write: false, clear: to, base, displacement: offset });
      return;
    case InternalMode.PROBE_MEM:
    case InternalMode.PROBE_MEMSX: {
      const load = { size, signed: modeOf(word) === InternalMode.PROBE_MEMSX, base, to, offset };
      const at = memory.emitProbingLoad(e, load, machine.behaviour, machine.userLimitHigh);
      if (c.image !== undefined) c.faults.push(probeFault(at, e.length - at, to));
      return;
    }
    default:
      unknownOpcode(c, word);
      return;
  }
}

function emitStoreImmediate(c: FunctionContext, word: number, immediate: number, start: number): void {
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
      e.sequence(0x0f, 0xae, 0xe8);
      return;
    default:
      unknownOpcode(c, word);
      return;
  }
}

function emitStore(c: FunctionContext, word: number, start: number): void {
  const { emitter: e } = c;
  const base = c.hardware[(word >> 8) & 15]!;
  const from = c.hardware[(word >> 12) & 15]!;
  const offset = word >> 16;
  switch (modeOf(word)) {
    case Mode.MEM:
      memory.emitStore(e, sizeOf(word), base, from, offset);
      return;
    case InternalMode.PROBE_MEM32:
      memory.emitArenaStore(e, sizeOf(word), base, from, offset);
      arenaMayFault(c, start, { write: true, clear: undefined, base, displacement: offset });
      return;
    default:
      unknownOpcode(c, word);
      return;
  }
}

function emitAtomic(c: FunctionContext, word: number, kind: number, start: number): void {
  const { emitter: e, machine } = c;
  const dst = c.hardware[(word >> 8) & 15]!;
  const src = c.hardware[(word >> 12) & 15]!;
  const size = sizeOf(word);
  const offset = word >> 16;
  const arena = modeOf(word) === InternalMode.PROBE_ATOMIC;
  if (kind === Atomic.LOAD_ACQUIRE) {
    (arena ? memory.emitArenaLoad : memory.emitLoad)(e, size, false, src, dst, offset);
  } else if (kind === Atomic.STORE_RELEASE) {
    (arena ? memory.emitArenaStore : memory.emitStore)(e, size, dst, src, offset);
  } else if (size === Size.B || size === Size.H || (arena && needsLoop(kind))) {
    c.refuse('EFAULT', `atomic operation ${kind} of this size or place`);
    return;
  } else {
    const access = { kind, size, base: dst, register: src, offset, arena };
    if (needsLoop(kind)) emitFetchLoop(e, access);
    else if (!emitLocked(e, access, machine.behaviour.locksExchange)) c.refuse('EFAULT', `atomic operation ${kind}`);
  }
  if (arena)
    arenaMayFault(c, start, atomicAccess(kind, { dst, src, displacement: offset }, machine.behaviour.arenaFixup));
}

function emitJumpClass(c: FunctionContext, i: number, word: number, immediate: number, start: number): void {
  const wide = (word & 7) === Class.JMP;
  const operation = operationOf(word);
  const offset = word >> 16;
  const right = (word >> 12) & 15;
  switch (operation) {
    case Jump.JA:
      return emitJump(c, i, wide ? offset : immediate, start);
    case Jump.CALL:
      return wide ? emitCall(c, right, immediate) : unknownOpcode(c, word);
    case Jump.TAIL_CALL:
      if (!wide) return unknownOpcode(c, word);
      return immediate === 0 ? emitIndirectTailCall(c) : emitDirectTailCall(c, immediate - 1);
    case Jump.EXIT:
    case Jump.JCOND:
      unknownOpcode(c, word);
      return;
    default: {
      const by = (word & Source.X) !== 0 ? c.hardware[right]! : undefined;
      emitComparison(c, operation, wide, c.hardware[(word >> 8) & 15]!, by, immediate);
      emitConditionalJump(c, operation, i, offset, start);
    }
  }
}

/** Notes that what was emitted since `start` may fault. */
function arenaMayFault(c: FunctionContext, start: number, access: ArenaAccess): void {
  if (c.image === undefined) return;
  c.faults.push(arenaFault(start, c.emitter.length - start, access, c.machine.behaviour.arenaFixup));
}

function unknownOpcode(c: FunctionContext, word: number): void {
  c.refuse('EINVAL', `unknown opcode ${(word & 0xff).toString(16).padStart(2, '0')} of class ${classOf(word)}`);
}
