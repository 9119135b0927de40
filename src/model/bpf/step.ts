/** Finds the step that performs an instruction. What an instruction means is in the tables this looks into. */
import { highHalf } from '../machine/cpu/register-file.ts';
import { atomicStep } from './atomic-step.ts';
import { NARROW_CONDITIONS, WIDE_CONDITIONS } from './condition.ts';
import {
  ADDR_PERCPU,
  ADDR_SPACE_CAST,
  ALU,
  CAST_TO_USER,
  CLASS,
  type Instruction,
  JMP,
  MODE,
  SOURCE_REGISTER,
} from './encoding.ts';
import type { Interpreter } from './interpreter.ts';
import { moveSigned, NARROW, NARROW_SIGNED, type Step, swapBytes, truncate, WIDE, WIDE_SIGNED } from './meaning.ts';
import { loadStep, storeStep } from './memory-step.ts';

/** The step of one instruction. One that means nothing is a step that stops the program, should it ever get there. */
export function stepOf(interpreter: Interpreter, instruction: Instruction, index: number): Step {
  const step = knownStep(interpreter, instruction, index);
  return step ?? (() => interpreter.stop({ kind: 'unknown-instruction', at: index, opcode: instruction.opcode }));
}

function knownStep(interpreter: Interpreter, instruction: Instruction, index: number): Step | undefined {
  const { opcode, src } = instruction;
  const mode = opcode & 0xe0;
  switch (opcode & 7) {
    case CLASS.LD:
      return wideImmediate(interpreter, instruction, index);
    case CLASS.LDX:
      return loadStep(interpreter, instruction, index);
    case CLASS.ST:
      if (mode === MODE.NOSPEC) return () => undefined;
      return storeStep(interpreter, instruction, index, interpreter.registers.constant(BigInt(instruction.imm)));
    case CLASS.STX:
      if (mode === MODE.ATOMIC || mode === MODE.PROBE_ATOMIC) return atomicStep(interpreter, instruction, index);
      return storeStep(interpreter, instruction, index, src);
    case CLASS.ALU:
    case CLASS.ALU64:
      return arithmetic(interpreter, instruction);
    default:
      return jump(interpreter, instruction, index);
  }
}

/** The source of an operation: a register, or the constant word that holds the immediate. */
function sourceOf({ registers }: Interpreter, { opcode, src, imm }: Instruction): number {
  return (opcode & SOURCE_REGISTER) !== 0 ? src : registers.constant(BigInt(imm));
}

function wideImmediate(
  { registers, program }: Interpreter,
  { opcode, dst, imm }: Instruction,
  index: number,
): Step | undefined {
  const second = program.instructions[index + 1];
  if (opcode !== 0x18 || second === undefined) return undefined;
  const value = (BigInt(second.imm) << 32n) | BigInt(imm >>> 0);
  const source = registers.constant(BigInt.asIntN(64, value));
  const { words } = registers;
  return () => {
    words[dst] = words[source]!;
    return index + 2;
  };
}

function arithmetic(interpreter: Interpreter, instruction: Instruction): Step | undefined {
  const { opcode, dst, src, offset } = instruction;
  const { registers } = interpreter;
  const operation = opcode & 0xf0;
  const wide = (opcode & 7) === CLASS.ALU64;
  if (operation === ALU.END) return byteOrder(interpreter, instruction, wide);
  if (operation === ALU.MOV && offset !== 0) return specialMove(interpreter, instruction, wide);
  if (offset !== 0 && offset !== 1) return undefined;
  const unsigned = wide ? WIDE : NARROW;
  const signed = wide ? WIDE_SIGNED : NARROW_SIGNED;
  const source = operation === ALU.NEG ? src : sourceOf(interpreter, instruction);
  return (offset === 1 ? signed : unsigned)[operation]?.(registers, dst, source);
}

function byteOrder({ registers }: Interpreter, { opcode, dst, imm }: Instruction, wide: boolean): Step | undefined {
  if (imm !== 16 && imm !== 32 && imm !== 64) return undefined;
  const toLittle = !wide && (opcode & SOURCE_REGISTER) === 0;
  return toLittle ? truncate(registers, dst, imm) : swapBytes(registers, dst, imm);
}

/** MOV with an offset: a sign extension, or one of the kernel's two address conversions. */
function specialMove(interpreter: Interpreter, instruction: Instruction, wide: boolean): Step | undefined {
  const { opcode, dst, src, offset, imm } = instruction;
  const { registers, surroundings } = interpreter;
  const { words, signedHalves: halves } = registers;
  if ((opcode & SOURCE_REGISTER) === 0) return undefined;
  if (offset === 8 || offset === 16 || (offset === 32 && wide)) return moveSigned(registers, dst, src, offset, wide);
  if (offset === ADDR_PERCPU && wide) {
    const perCpu = surroundings.perCpuOffset ?? 0n;
    return () => {
      words[dst] = words[src]! + perCpu;
    };
  }
  if (offset !== ADDR_SPACE_CAST || !wide) return undefined;
  const upper = imm === CAST_TO_USER ? highHalf(surroundings.arena?.userStart ?? 0n) : 0;
  return () => {
    const low = halves[2 * src]!;
    halves[2 * dst] = low;
    halves[2 * dst + 1] = low === 0 ? 0 : upper;
  };
}

function jump(interpreter: Interpreter, instruction: Instruction, index: number): Step | undefined {
  const { opcode, dst, src, offset, imm } = instruction;
  const wide = (opcode & 7) === CLASS.JMP;
  const target = index + 1 + offset;
  switch (opcode & 0xf0) {
    case JMP.JA: {
      const to = wide ? target : index + 1 + imm;
      return () => to;
    }
    case JMP.CALL:
      return wide && (opcode & SOURCE_REGISTER) === 0 ? call(interpreter, instruction, index) : undefined;
    case JMP.EXIT:
      return wide ? () => interpreter.exit() : undefined;
    case JMP.TAIL_CALL:
      return wide ? () => interpreter.tailCall() : undefined;
    case JMP.JCOND:
      return wide && src === 0 ? () => (interpreter.mayGotoIsSpent() ? target : undefined) : undefined;
    default: {
      const conditions = wide ? WIDE_CONDITIONS : NARROW_CONDITIONS;
      return conditions[opcode & 0xf0]?.(interpreter.registers, dst, sourceOf(interpreter, instruction), target);
    }
  }
}

/** The timed form of may_goto calls a function with a calling convention of its own; every other call is alike. */
function call(interpreter: Interpreter, instruction: Instruction, index: number): Step {
  const target = interpreter.program.resolveCall(instruction, index);
  if (target.kind !== 'function' && target.name === 'arch_bpf_timed_may_goto')
    return () => interpreter.timedMayGoto(index);
  return () => interpreter.call(target, index);
}
