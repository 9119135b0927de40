/** MOV in all its forms, MOVZX, MOVSX, MOVSXD, LEA, CMOVcc, CDQ and CQO (SDM 2A and 2B). No flags change. */
import type { Core } from './core.ts';
import { type Decoded, HIGH_BYTE, MEMORY, PREPARE_IMMEDIATE, PREPARE_NOTHING } from './decoded.ts';
import { type Outcome, RETIRED } from './exception.ts';
import { RAX, RDX } from './register-file.ts';

/** mov rm, register and mov rm, immediate, 32 and 64 bits wide. The destination is not read. */
export function store(core: Core, instruction: Decoded): Outcome {
  const { halves } = core;
  const fromImmediate = (instruction.prepare & PREPARE_IMMEDIATE) !== 0;
  const lo = fromImmediate ? instruction.immediateLo : halves[instruction.right]!;
  const hi = fromImmediate ? instruction.immediateHi : halves[instruction.right + 1]!;
  if (instruction.rm === MEMORY) core.locate(instruction);
  return core.writeLeft(instruction, lo, hi);
}

/** The same, 8 and 16 bits wide: a register destination keeps its other bits. */
export function storeNarrow(core: Core, instruction: Decoded): Outcome {
  const { rm, width } = instruction;
  const fromImmediate = (instruction.prepare & PREPARE_IMMEDIATE) !== 0;
  const value = fromImmediate ? instruction.immediateLo : narrowRegister(core, instruction.register);
  if (rm === MEMORY) {
    core.locate(instruction);
    return core.storeMemory(instruction, value, 0);
  }
  const shift = rm >= HIGH_BYTE ? 8 : 0;
  const mask = ((1 << width) - 1) << shift;
  core.halves[instruction.left] = (core.halves[instruction.left]! & ~mask) | ((value << shift) & mask);
  return RETIRED;
}

/** mov register, rm, 32 and 64 bits wide. */
export function load(core: Core, instruction: Decoded): Outcome {
  if (instruction.prepare !== PREPARE_NOTHING) {
    const outcome = core.prepare(instruction);
    if (outcome !== RETIRED) return outcome;
  }
  return core.writeLeft(instruction, core.halves[instruction.right]!, core.halves[instruction.right + 1]!);
}

/** movzx. */
export function loadUnsigned(core: Core, instruction: Decoded): Outcome {
  const outcome = core.prepare(instruction);
  if (outcome !== RETIRED) return outcome;
  const unused = 32 - instruction.sourceWidth;
  return core.writeLeft(instruction, (narrowSource(core, instruction) << unused) >>> unused, 0);
}

/** movsx and movsxd. */
export function loadSigned(core: Core, instruction: Decoded): Outcome {
  const outcome = core.prepare(instruction);
  if (outcome !== RETIRED) return outcome;
  const unused = 32 - instruction.sourceWidth;
  const lo = (narrowSource(core, instruction) << unused) >> unused;
  return core.writeLeft(instruction, lo, lo >> 31);
}

export function lea(core: Core, instruction: Decoded): Outcome {
  core.locate(instruction);
  return core.writeLeft(instruction, core.addressLo, core.addressHi);
}

/** The source is read, and a 32-bit destination loses its upper half, whether or not the condition holds. */
export function cmov(core: Core, instruction: Decoded): Outcome {
  const outcome = core.prepare(instruction);
  if (outcome !== RETIRED) return outcome;
  const from = core.flags.holds(instruction.condition) ? instruction.right : instruction.left;
  return core.writeLeft(instruction, core.halves[from]!, core.halves[from + 1]!);
}

/** cdq and cqo: fills rdx, or edx and zeros above it, with the sign of rax or eax. */
export function signIntoRdx(core: Core, { width }: Decoded): Outcome {
  const sign = core.halves[2 * RAX + (width === 64 ? 1 : 0)]! >> 31;
  core.halves[2 * RDX] = sign;
  core.halves[2 * RDX + 1] = width === 64 ? sign : 0;
  return RETIRED;
}

/** The rm operand of movzx and movsx: bits above its width mean nothing. */
function narrowSource(core: Core, instruction: Decoded): number {
  return instruction.rm === MEMORY ? core.halves[instruction.right]! : narrowRegister(core, instruction.rm);
}

/** A byte or word register; bits above its width mean nothing. */
function narrowRegister(core: Core, register: number): number {
  return register >= HIGH_BYTE ? core.halves[2 * (register - HIGH_BYTE)]! >> 8 : core.halves[2 * register]!;
}
