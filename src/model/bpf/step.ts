/** Finds the step that performs an instruction. What an instruction means is in the tables this looks into. */
import { highHalf } from '../machine/cpu/register-file.ts';
import { atomicStep } from './atomic-step.ts';
import { NARROW_CONDITIONS, WIDE_CONDITIONS } from './condition.ts';
import {
  CAST_TO_USER,
  Class,
  type Instruction,
  InternalMode,
  Jump,
  Mode,
  MoveOffset,
  Operation,
  Source,
} from './instruction.ts';
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
    case Class.LD:
      return wideImmediate(interpreter, instruction, index);
    case Class.LDX:
      return loadStep(interpreter, instruction, index);
    case Class.ST:
      if (mode === InternalMode.NOSPEC) return () => undefined;
      return storeStep(interpreter, instruction, index, interpreter.registers.constant(BigInt(instruction.immediate)));
    case Class.STX:
      if (mode === Mode.ATOMIC || mode === InternalMode.PROBE_ATOMIC)
        return atomicStep(interpreter, instruction, index);
      return storeStep(interpreter, instruction, index, src);
    case Class.ALU:
    case Class.ALU64:
      return arithmetic(interpreter, instruction);
    default:
      return jump(interpreter, instruction, index);
  }
}

/** The source of an operation: a register, or the constant word that holds the immediate. */
function sourceOf({ registers }: Interpreter, { opcode, src, immediate }: Instruction): number {
  return (opcode & Source.X) !== 0 ? src : registers.constant(BigInt(immediate));
}

function wideImmediate(
  { registers, program }: Interpreter,
  { opcode, dst, immediate }: Instruction,
  index: number,
): Step | undefined {
  const second = program.instructions[index + 1];
  if (opcode !== 0x18 || second === undefined) return undefined;
  const value = (BigInt(second.immediate) << 32n) | BigInt(immediate >>> 0);
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
  const wide = (opcode & 7) === Class.ALU64;
  if (operation === Operation.END) return byteOrder(interpreter, instruction, wide);
  if (operation === Operation.MOV && offset !== 0) return specialMove(interpreter, instruction, wide);
  if (offset !== 0 && offset !== 1) return undefined;
  const unsigned = wide ? WIDE : NARROW;
  const signed = wide ? WIDE_SIGNED : NARROW_SIGNED;
  const source = operation === Operation.NEG ? src : sourceOf(interpreter, instruction);
  return (offset === 1 ? signed : unsigned)[operation]?.(registers, dst, source);
}

function byteOrder(
  { registers }: Interpreter,
  { opcode, dst, immediate }: Instruction,
  wide: boolean,
): Step | undefined {
  if (immediate !== 16 && immediate !== 32 && immediate !== 64) return undefined;
  const toLittle = !wide && (opcode & Source.X) === 0;
  return toLittle ? truncate(registers, dst, immediate) : swapBytes(registers, dst, immediate);
}

/** MOV with an offset: a sign extension, or one of the kernel's two address conversions. */
function specialMove(interpreter: Interpreter, instruction: Instruction, wide: boolean): Step | undefined {
  const { opcode, dst, src, offset, immediate } = instruction;
  const { registers, surroundings } = interpreter;
  const { words, signedHalves: halves } = registers;
  if ((opcode & Source.X) === 0) return undefined;
  if (offset === 8 || offset === 16 || (offset === 32 && wide)) return moveSigned(registers, dst, src, offset, wide);
  if (offset === MoveOffset.PER_CPU_ADDRESS && wide) {
    const perCpu = surroundings.perCpuOffset ?? 0n;
    return () => {
      words[dst] = words[src]! + perCpu;
    };
  }
  if (offset !== MoveOffset.ADDRESS_SPACE_CAST || !wide) return undefined;
  const upper = immediate === CAST_TO_USER ? highHalf(interpreter.arena?.userStart ?? 0n) : 0;
  return () => {
    const low = halves[2 * src]!;
    halves[2 * dst] = low;
    halves[2 * dst + 1] = low === 0 ? 0 : upper;
  };
}

function jump(interpreter: Interpreter, instruction: Instruction, index: number): Step | undefined {
  const { opcode, dst, src, offset, immediate } = instruction;
  const wide = (opcode & 7) === Class.JMP;
  const target = index + 1 + offset;
  switch (opcode & 0xf0) {
    case Jump.JA: {
      const to = wide ? target : index + 1 + immediate;
      return () => to;
    }
    case Jump.CALL:
      return wide && (opcode & Source.X) === 0 ? call(interpreter, instruction, index) : undefined;
    case Jump.EXIT:
      return wide ? () => interpreter.exit() : undefined;
    case Jump.TAIL_CALL:
      return wide ? () => interpreter.tailCall(index) : undefined;
    case Jump.JCOND:
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
