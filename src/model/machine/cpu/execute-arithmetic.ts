/**
 * ADD, SUB, AND, OR, XOR, CMP, TEST and NEG at 32 and 64 bits (SDM 2A and 2B), on signed halves. The destination is
 * written after everything that can fault was reached, so an instruction that faults has changed nothing but flags
 * nobody sees: the faulting instruction is executed again or the program is over.
 */
import type { Core } from './core.ts';
import type { Decoded } from './decoded.ts';
import type { Outcome } from './exception.ts';

export function add(core: Core, instruction: Decoded): Outcome {
  if (instruction.inMemory) {
    const outcome = core.loadMemory(instruction, 'write');
    if (outcome !== undefined) return outcome;
  }
  const { halves } = core;
  const { left, right } = instruction;
  const source = instruction.immediate ?? halves;
  const lo = core.sum(instruction.width, halves[left]!, halves[left + 1]!, source[right]!, source[right + 1]!);
  return core.writeLeft(instruction, lo, core.hi);
}

export function sub(core: Core, instruction: Decoded): Outcome {
  if (instruction.inMemory) {
    const outcome = core.loadMemory(instruction, 'write');
    if (outcome !== undefined) return outcome;
  }
  const { halves } = core;
  const { left, right } = instruction;
  const source = instruction.immediate ?? halves;
  const lo = core.difference(instruction.width, halves[left]!, halves[left + 1]!, source[right]!, source[right + 1]!);
  return core.writeLeft(instruction, lo, core.hi);
}

export function cmp(core: Core, instruction: Decoded): Outcome {
  if (instruction.inMemory) {
    const outcome = core.loadMemory(instruction, 'read');
    if (outcome !== undefined) return outcome;
  }
  const { halves } = core;
  const { left, right } = instruction;
  const source = instruction.immediate ?? halves;
  core.difference(instruction.width, halves[left]!, halves[left + 1]!, source[right]!, source[right + 1]!);
  return undefined;
}

export function and(core: Core, instruction: Decoded): Outcome {
  if (instruction.inMemory) {
    const outcome = core.loadMemory(instruction, 'write');
    if (outcome !== undefined) return outcome;
  }
  const { halves } = core;
  const { left, right } = instruction;
  const source = instruction.immediate ?? halves;
  const lo = halves[left]! & source[right]!;
  const hi = halves[left + 1]! & source[right + 1]!;
  logicalFlags(core, instruction.width, lo, hi);
  return core.writeLeft(instruction, lo, hi);
}

export function or(core: Core, instruction: Decoded): Outcome {
  if (instruction.inMemory) {
    const outcome = core.loadMemory(instruction, 'write');
    if (outcome !== undefined) return outcome;
  }
  const { halves } = core;
  const { left, right } = instruction;
  const source = instruction.immediate ?? halves;
  const lo = halves[left]! | source[right]!;
  const hi = halves[left + 1]! | source[right + 1]!;
  logicalFlags(core, instruction.width, lo, hi);
  return core.writeLeft(instruction, lo, hi);
}

export function xor(core: Core, instruction: Decoded): Outcome {
  if (instruction.inMemory) {
    const outcome = core.loadMemory(instruction, 'write');
    if (outcome !== undefined) return outcome;
  }
  const { halves } = core;
  const { left, right } = instruction;
  const source = instruction.immediate ?? halves;
  const lo = halves[left]! ^ source[right]!;
  const hi = halves[left + 1]! ^ source[right + 1]!;
  logicalFlags(core, instruction.width, lo, hi);
  return core.writeLeft(instruction, lo, hi);
}

export function test(core: Core, instruction: Decoded): Outcome {
  if (instruction.inMemory) {
    const outcome = core.loadMemory(instruction, 'read');
    if (outcome !== undefined) return outcome;
  }
  const { halves } = core;
  const { left, right } = instruction;
  const source = instruction.immediate ?? halves;
  logicalFlags(core, instruction.width, halves[left]! & source[right]!, halves[left + 1]! & source[right + 1]!);
  return undefined;
}

/** The flags are those of 0 - operand. */
export function neg(core: Core, instruction: Decoded): Outcome {
  const outcome = core.prepare(instruction, 'write');
  if (outcome !== undefined) return outcome;
  const { left } = instruction;
  const lo = core.difference(instruction.width, 0, 0, core.halves[left]!, core.halves[left + 1]!);
  return core.writeLeft(instruction, lo, core.hi);
}

/** Logical instructions clear CF and OF. */
function logicalFlags(core: Core, width: number, lo: number, hi: number): void {
  const { flags } = core;
  flags.carry = 0;
  flags.overflow = 0;
  if (width === 64) flags.fromResult(lo | hi, hi);
  else flags.fromResult(lo, lo);
}
