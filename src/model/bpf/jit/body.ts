/**
 * One pass over a function (arch/x86/net/bpf_jit_comp.c:do_jit()): the prologue, then the code of every instruction in
 * order. A pass without an image only measures; the pass with one must find every instruction where the last pass left it.
 */
import { Class, InternalMode, Jump, LD_IMM64, Mode, modeOf } from '../instruction.ts';
import { emitArithmetic } from './arithmetic-classes.ts';
import { emitEpilogue, emitPrologue } from './frame.ts';
import { type FunctionContext, refuseOpcode } from './function-context.ts';
import { emitJumpToEpilogue } from './jump.ts';
import { emitJumpClass } from './jump-classes.ts';
import { emitAtomic, emitLoad, emitStore, emitStoreImmediate } from './memory-classes.ts';

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
    const opcode = word & 0xff;
    if (opcode === LD_IMM64) {
      emitWideLoad(c, i);
      i++;
    } else if (opcode !== (Class.JMP | Jump.EXIT)) {
      emitInstruction(c, i, word, words[2 * i + 1]!, start);
    } else if (seenExit) {
      emitJumpToEpilogue(c, i, start);
    } else {
      seenExit = true;
      c.cleanup = start;
      emitEpilogue(c, options.clearsBranchHistory);
    }
    if (e.length - start > MAX_INSTRUCTION_BYTES) c.refuse('EFAULT', `slot ${i} takes ${e.length - start} bytes`);
    if (c.image !== undefined && e.length !== ends[i + 1]) c.refuse('EFAULT', `slot ${i} moved in the last pass`);
    if (c.refusal !== undefined) return;
    ends[i + 1] = e.length;
  }
}

/**
 * A later measuring pass. Only jumps depend on the layout, so everything else keeps the length it had, without being
 * emitted again; the kernel emits it all the same, to the same effect.
 */
export function remeasureFunction(c: FunctionContext): void {
  const { emitter: e, words, count, ends } = c;
  let endBefore = ends[0]!;
  e.length = endBefore;
  let seenExit = false;
  for (let i = 0; i < count; i++) {
    const start = e.length;
    const word = words[2 * i]!;
    const isExit = (word & 0xff) === (Class.JMP | Jump.EXIT);
    if ((word & 0xff) === LD_IMM64) i++;
    const length = ends[i + 1]! - endBefore;
    endBefore = ends[i + 1]!;
    e.reserve(MAX_INSTRUCTION_BYTES);
    if (isExit && !seenExit) {
      seenExit = true;
      c.cleanup = start;
      e.length = start + length;
    } else if (isExit) {
      emitJumpToEpilogue(c, i, start);
    } else if (mayJump(word)) {
      emitJumpClass(c, i, word, words[2 * i + 1]!, start);
    } else {
      e.length = start + length;
    }
    if (c.refusal !== undefined) return;
    ends[i + 1] = e.length;
  }
}

/** Whether an instruction's length depends on where others are: all of the jump classes but calls. */
const mayJump = (word: number): boolean =>
  ((word & 7) === Class.JMP || (word & 7) === Class.JMP32) &&
  (word & 0xf0) !== Jump.CALL &&
  (word & 0xf0) !== Jump.TAIL_CALL;

/** Both slots at once; what the value stands for no longer matters. */
function emitWideLoad(c: FunctionContext, i: number): void {
  const { emitter, words, hardware, machine } = c;
  const high = words[2 * i + 3];
  if (high === undefined) {
    c.refuse('EINVAL', 'a wide load without its second slot');
    return;
  }
  const to = hardware[(words[2 * i]! >> 8) & 15]!;
  emitter.loadImmediate64(to, words[2 * i + 1]!, high, machine.behaviour.loadsSignExtended);
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
      if (isAtomic(word)) emitAtomic(c, word, immediate, start);
      else emitStore(c, word, start);
      return;
    case Class.JMP:
    case Class.JMP32:
      emitJumpClass(c, i, word, immediate, start);
      return;
    default:
      refuseOpcode(c, word);
  }
}

const isAtomic = (word: number): boolean => modeOf(word) === Mode.ATOMIC || modeOf(word) === InternalMode.PROBE_ATOMIC;
