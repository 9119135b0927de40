import { assembleConformance } from '../../src/model/bpf/conformance-assembly.ts';
import type { Instruction } from '../../src/model/bpf/instruction.ts';
import { FRAME_BYTES, Interpreter, MOST_FRAMES, type Surroundings } from '../../src/model/bpf/interpreter.ts';
import { linkedProgram, type Program } from '../../src/model/bpf/program.ts';
import { FlatMemory } from '../../src/model/machine/cpu/flat-memory.ts';

export const DATA = 0xffff_8880_0000_0000n;
export const STACK_TOP = 0xffff_c900_0001_0000n;

/** Memory with one page of data and a stack. */
export function bpfMemory(): FlatMemory {
  const memory = new FlatMemory();
  memory.map(DATA, 4096);
  memory.map(STACK_TOP - BigInt(MOST_FRAMES * FRAME_BYTES), MOST_FRAMES * FRAME_BYTES);
  return memory;
}

/** An interpreter for a program given as conformance assembly, as instructions, or whole. */
export function interpreterFor(
  program: string | readonly Instruction[] | Program,
  surroundings: Partial<Surroundings> = {},
): Interpreter {
  const text = typeof program === 'string' ? assembleConformance(program) : program;
  const whole = 'instructions' in text ? text : linkedProgram(text);
  return new Interpreter(whole, { memory: bpfMemory(), stackTop: STACK_TOP, ...surroundings });
}
