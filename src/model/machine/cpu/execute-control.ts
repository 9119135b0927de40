/** PUSH, POP, LEAVE, CALL, RET, JMP, Jcc, the traps INT3, UD1 and UD2, and everything that does nothing (SDM 2). */
import type { Core } from './core.ts';
import type { Decoded } from './decoded.ts';
import type { Outcome } from './exception.ts';
import { RBP, RSP } from './register-file.ts';

export function push(core: Core, instruction: Decoded): Outcome {
  return core.push(core.halves[instruction.left]!, core.halves[instruction.left + 1]!);
}

/** pop rsp leaves what was loaded, not what was loaded plus eight: the register is written last. */
export function pop(core: Core, instruction: Decoded): Outcome {
  const outcome = core.pop();
  if (outcome !== undefined) return outcome;
  return core.writeLeft(instruction, core.lo, core.hi);
}

/** mov rsp, rbp; pop rbp. Nothing moves when the pop faults. */
export function leave(core: Core): Outcome {
  const { halves } = core;
  const spLo = halves[2 * RSP]!;
  const spHi = halves[2 * RSP + 1]!;
  halves[2 * RSP] = halves[2 * RBP]!;
  halves[2 * RSP + 1] = halves[2 * RBP + 1]!;
  const outcome = core.pop();
  if (outcome !== undefined) {
    halves[2 * RSP] = spLo;
    halves[2 * RSP + 1] = spHi;
    return outcome;
  }
  halves[2 * RBP] = core.lo;
  halves[2 * RBP + 1] = core.hi;
  return undefined;
}

/** The target is checked before the return address is pushed, so that a refused call leaves the stack alone. */
export function call(core: Core, instruction: Decoded): Outcome {
  const returnLo = core.nextLo;
  const returnHi = core.nextHi;
  const found = target(core, instruction);
  if (found !== undefined) return found;
  const { lo, hi } = core;
  if (!core.port.isCanonical(hi)) return 'general-protection';
  const pushed = core.push(returnLo, returnHi);
  return pushed === undefined ? core.jump(lo, hi) : pushed;
}

/** A return address that is not canonical is left on the stack. */
export function ret(core: Core): Outcome {
  const spLo = core.halves[2 * RSP]!;
  const spHi = core.halves[2 * RSP + 1]!;
  const popped = core.pop();
  if (popped !== undefined) return popped;
  const outcome = core.jump(core.lo, core.hi);
  if (outcome !== undefined) {
    core.halves[2 * RSP] = spLo;
    core.halves[2 * RSP + 1] = spHi;
  }
  return outcome;
}

export function jmp(core: Core, instruction: Decoded): Outcome {
  const found = target(core, instruction);
  return found === undefined ? core.jump(core.lo, core.hi) : found;
}

export function jcc(core: Core, instruction: Decoded): Outcome {
  return core.flags.holds(instruction.condition) ? jmp(core, instruction) : undefined;
}

/** nop, endbr64 (without CET it is one) and lfence: a model without speculation has nothing to wait for. */
export function nothing(): Outcome {
  return undefined;
}

export function int3(): Outcome {
  return 'breakpoint';
}

export function undefinedInstruction(): Outcome {
  return 'invalid-opcode';
}

/** Where a jump or call goes, into lo and hi. */
function target(core: Core, instruction: Decoded): Outcome {
  if (instruction.form !== 'relative') {
    const outcome = core.prepare(instruction);
    core.lo = core.halves[instruction.left]!;
    core.hi = core.halves[instruction.left + 1]!;
    return outcome;
  }
  const distance = instruction.immediate![0]!;
  const lo = (core.nextLo + distance) | 0;
  const carry = lo >>> 0 < distance >>> 0 ? 1 : 0;
  core.lo = lo;
  core.hi = (core.nextHi + (distance >> 31) + carry) | 0;
  return undefined;
}
