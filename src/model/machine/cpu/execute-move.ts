/** MOV in all its forms, MOVZX, MOVSX, MOVSXD, LEA, CMOVcc, CDQ and CQO (SDM 2A and 2B). No flags change. */
import type { Core } from './core.ts';
import { type Decoded, HIGH_BYTE } from './decoded.ts';
import type { Outcome } from './exception.ts';
import { RAX, RDX } from './register-file.ts';

/** mov rm, register and mov rm, immediate, 32 and 64 bits wide. The destination is not read. */
export function store(core: Core, instruction: Decoded): Outcome {
  const { right } = instruction;
  const source = instruction.immediate ?? core.halves;
  if (instruction.inMemory) core.locate(instruction);
  return core.writeLeft(instruction, source[right]!, source[right + 1]!);
}

/** The same, 8 and 16 bits wide: a register destination keeps its other bits. */
export function storeNarrow(core: Core, instruction: Decoded): Outcome {
  const { rm, width, immediate } = instruction;
  const value = immediate === undefined ? narrowRegister(core, instruction.register) : immediate[0]!;
  if (instruction.inMemory) {
    core.locate(instruction);
    return core.storeMemory(instruction, value, 0);
  }
  const shift = rm >= HIGH_BYTE ? 8 : 0;
  const mask = ((1 << width) - 1) << shift;
  core.halves[instruction.left] = (core.halves[instruction.left]! & ~mask) | ((value << shift) & mask);
  return undefined;
}

/** mov register, rm, 32 and 64 bits wide: a load's upper half is zero where it should be. */
export function load(core: Core, instruction: Decoded): Outcome {
  const { left, right } = instruction;
  if (instruction.inMemory) return core.loadTo(left, instruction, 'read');
  return core.writeLeft(instruction, core.halves[right]!, core.halves[right + 1]!);
}

/** movzx: what is loaded has no bits above its width. */
export function loadUnsigned(core: Core, instruction: Decoded): Outcome {
  if (instruction.inMemory) return core.loadTo(instruction.left, instruction, 'read');
  const mask = (1 << instruction.sourceWidth) - 1;
  return core.writeLeft(instruction, narrowRegister(core, instruction.rm) & mask, 0);
}

/** movsx and movsxd. */
export function loadSigned(core: Core, instruction: Decoded): Outcome {
  const outcome = core.prepare(instruction);
  if (outcome !== undefined) return outcome;
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
  if (outcome !== undefined) return outcome;
  const from = core.flags.holds(instruction.condition) ? instruction.right : instruction.left;
  return core.writeLeft(instruction, core.halves[from]!, core.halves[from + 1]!);
}

/** cdq and cqo: fills rdx, or edx and zeros above it, with the sign of rax or eax. */
export function signIntoRdx(core: Core, { width }: Decoded): Outcome {
  const sign = core.halves[2 * RAX + (width === 64 ? 1 : 0)]! >> 31;
  core.halves[2 * RDX] = sign;
  core.halves[2 * RDX + 1] = width === 64 ? sign : 0;
  return undefined;
}

/** The rm operand of movzx and movsx: bits above its width mean nothing. */
function narrowSource(core: Core, instruction: Decoded): number {
  return instruction.inMemory ? core.halves[instruction.right]! : narrowRegister(core, instruction.rm);
}

/** A byte or word register; bits above its width mean nothing. */
function narrowRegister(core: Core, register: number): number {
  return register >= HIGH_BYTE ? core.halves[2 * (register - HIGH_BYTE)]! >> 8 : core.halves[2 * register]!;
}
