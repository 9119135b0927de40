/**
 * XCHG, XADD and CMPXCHG with memory (SDM 2A, 2B and 2C). A locked instruction is no different from an unlocked one
 * here: a step of one CPU is never interrupted by another.
 */
import type { Core } from './core.ts';
import type { Decoded } from './decoded.ts';
import type { Outcome } from './exception.ts';
import { RAX } from './register-file.ts';

export function xchg(core: Core, instruction: Decoded): Outcome {
  const outcome = core.prepare(instruction, 'write');
  if (outcome !== undefined) return outcome;
  const { left, right } = instruction;
  const oldLo = core.halves[left]!;
  const oldHi = core.halves[left + 1]!;
  core.storeMemory(instruction, core.halves[right]!, core.halves[right + 1]!);
  setRegister(core, right, instruction.width, oldLo, oldHi);
  return undefined;
}

export function xadd(core: Core, instruction: Decoded): Outcome {
  const outcome = core.prepare(instruction, 'write');
  if (outcome !== undefined) return outcome;
  const { left, right, width } = instruction;
  const oldLo = core.halves[left]!;
  const oldHi = core.halves[left + 1]!;
  const lo = core.sum(width, oldLo, oldHi, core.halves[right]!, core.halves[right + 1]!);
  core.storeMemory(instruction, lo, core.hi);
  setRegister(core, right, width, oldLo, oldHi);
  return undefined;
}

/**
 * Compares the accumulator with memory and writes the register there when they are equal. Otherwise memory is loaded
 * into the accumulator, and only then does a 32-bit comparison clear the upper half of rax: commit 39491867ace5
 * ("bpf: Explicitly zero-extend R0 after 32-bit cmpxchg") exists because of that.
 */
export function cmpxchg(core: Core, instruction: Decoded): Outcome {
  const outcome = core.prepare(instruction, 'write');
  if (outcome !== undefined) return outcome;
  const { halves } = core;
  const { left, right, width } = instruction;
  const oldLo = halves[left]!;
  const oldHi = halves[left + 1]!;
  core.difference(width, halves[2 * RAX]!, halves[2 * RAX + 1]!, oldLo, oldHi);
  if (core.flags.any === 0) return core.storeMemory(instruction, halves[right]!, halves[right + 1]!);
  core.storeMemory(instruction, oldLo, oldHi);
  setRegister(core, 2 * RAX, width, oldLo, oldHi);
  return undefined;
}

function setRegister(core: Core, place: number, width: number, lo: number, hi: number): void {
  core.halves[place] = lo;
  core.halves[place + 1] = width === 64 ? hi : 0;
}
