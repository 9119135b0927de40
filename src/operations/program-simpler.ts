/**
 * How a program becomes simpler, instruction by instruction: some are left out, with all jumps and calls aimed at what they were
 * aimed at, or one has a simpler constant, offset or register. Whether the result may still be loaded is for the verifier to say.
 */
import {
  Class,
  classOf,
  FRAME_POINTER,
  type Instruction,
  instruction,
  Jump,
  LD_IMM64,
  Operation,
  operationOf,
  Source,
} from '../model/bpf/instruction.ts';
import { functionDistance, jumpDistance } from '../model/bpf/validate.ts';

type Program = readonly Instruction[];

/** The boldest first. All are shorter, or as long with one instruction that is nearer to the simplest of its kind. */
export function* simplerPrograms(program: Program): Generator<Program> {
  yield* shorter(program);
  for (const [at, slot] of program.entries()) {
    if (isSecondOfWide(program, at)) continue;
    for (const simpler of simplerInstructions(slot, program[at + 1]))
      yield program.toSpliced(at, simpler.length, ...simpler);
  }
}

/** Leaves out runs of instructions: half of them, a quarter, and so on to single ones, from the end on. */
function* shorter(program: Program): Generator<Program> {
  const starts = program.flatMap((_, at) => (isSecondOfWide(program, at) ? [] : [at]));
  for (let size = starts.length >> 1; size >= 1; size >>= 1) {
    for (let end = starts.length; end > 0; end -= size) {
      const first = starts[Math.max(0, end - size)]!;
      yield without(program, first, starts[end] ?? program.length);
    }
  }
}

const isSecondOfWide = (program: Program, at: number): boolean => program[at - 1]?.opcode === LD_IMM64;

/** The program without the slots [first, end). What was aimed at one of them is aimed at what follows them. */
export function without(program: Program, first: number, end: number): Program {
  const removed = end - first;
  const moved = (at: number) => (at < first ? at : at < end ? first : at - removed);
  return program.flatMap((slot, at) => {
    if (at >= first && at < end) return [];
    const distance = jumpDistance(slot) ?? functionDistance(slot);
    if (distance === undefined) return [slot];
    return [aimed(slot, moved(at + 1 + distance) - moved(at) - 1)];
  });
}

function aimed(slot: Instruction, distance: number): Instruction {
  const inImmediate = functionDistance(slot) !== undefined || slot.opcode === (Class.JMP32 | Jump.JA);
  return inImmediate ? { ...slot, immediate: distance } : { ...slot, offset: distance };
}

/** Replacements of one instruction; of a wide load both slots. */
function* simplerInstructions(slot: Instruction, next: Instruction | undefined): Generator<Program> {
  if (slot.opcode === LD_IMM64) {
    if (slot.src === 0 && next !== undefined) {
      yield [instruction(Class.ALU64 | Operation.MOV, { dst: slot.dst }), NOTHING];
      if (next.immediate !== 0) yield [slot, { ...next, immediate: 0 }];
      for (const immediate of nearer(slot.immediate)) yield [{ ...slot, immediate }, next];
    }
    return;
  }
  for (const immediate of hasPlainImmediate(slot) ? nearer(slot.immediate) : []) yield [{ ...slot, immediate }];
  for (const offset of hasPlainOffset(slot) ? nearerOffsets(slot.offset) : []) yield [{ ...slot, offset }];
}

/** `goto +0`: in place of the slot that a shorter constant leaves over. */
const NOTHING = instruction(Class.JMP | Jump.JA);

function hasPlainImmediate({ opcode }: Instruction): boolean {
  const class_ = classOf(opcode);
  if (class_ === Class.ST) return true;
  if (class_ === Class.ALU || class_ === Class.ALU64)
    return (opcode & Source.X) === 0 && operationOf(opcode) !== Operation.END && operationOf(opcode) !== Operation.NEG;
  const isCompare = class_ === Class.JMP || class_ === Class.JMP32;
  return isCompare && (opcode & Source.X) === 0 && !NO_COMPARISON.has(operationOf(opcode));
}

const NO_COMPARISON: ReadonlySet<number> = new Set([Jump.JA, Jump.CALL, Jump.EXIT, Jump.JCOND, Jump.TAIL_CALL]);

const hasPlainOffset = ({ opcode, dst, src }: Instruction): boolean =>
  (classOf(opcode) === Class.LDX && src !== FRAME_POINTER) ||
  ((classOf(opcode) === Class.ST || classOf(opcode) === Class.STX) && dst !== FRAME_POINTER);

/** Zero, one, and then halfway nearer to zero. */
function* nearer(value: number): Generator<number> {
  for (const simple of [0, 1]) if (Math.abs(value) > simple) yield simple;
  if (Math.abs(value) > 3) yield Math.trunc(value / 2);
}

function* nearerOffsets(offset: number): Generator<number> {
  if (offset !== 0) yield 0;
}
