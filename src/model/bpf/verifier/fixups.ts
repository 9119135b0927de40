/**
 * What the verifier writes in place of single instructions once it knows the pointers (kernel/bpf/verifier.c:
 * convert_ctx_accesses(), do_misc_fixups()): each slot stays one slot. What takes several instructions is verifier-rewrite.ts.
 */
import {
  CAST_TO_USER,
  Callee,
  Class,
  classOf,
  type Instruction,
  InternalMode,
  instruction,
  Jump,
  LD_IMM64,
  Mode,
  MoveOffset,
  modeOf,
  Operation,
  operationOf,
  Source,
  WideSource,
  wideLoad,
} from '../instruction.ts';
import { isCall, RDONLY_CAST, TAIL_CALL_HELPER, type VerifierDecisions } from './decisions.ts';
import type { Notes } from './notes.ts';

export interface FixupSurroundings {
  readonly notes: Notes;
  readonly decisions: VerifierDecisions;
  /** False with BPF_F_NO_USER_CONV, which makes a cast to user space a move of 32 bits. */
  readonly convertsToUser: boolean;
  /** Kernel address of the program array. */
  readonly arrayAddress: bigint;
  /** The number of the poke descriptor of a tail call with a constant index, from 1; 0 makes it an indirect one. */
  readonly descriptorOf: (at: number) => number;
}

/** The program as rewriting and the JIT take it. */
export function fixedUp(program: readonly Instruction[], surroundings: FixupSurroundings): readonly Instruction[] {
  const { notes, decisions, convertsToUser } = surroundings;
  return withFormalFixups(program, surroundings).map((slot, at) => {
    if (isCast(slot)) {
      if (slot.immediate !== CAST_TO_USER) return decisions.castToKernel(slot);
      return convertsToUser ? slot : toNarrowMove(slot);
    }
    return notes.pointerAt(at) === 'arena' ? inArena(slot) : slot;
  });
}

/**
 * The program as its author means it: accesses keep their form, and whether one is an arena's shows in the pointer it has when
 * it runs. What does not show is written out: 32-bit arithmetic on arena pointers, pointers that may be bad, tail calls.
 */
export function meantBy(program: readonly Instruction[], surroundings: FixupSurroundings): readonly Instruction[] {
  const { convertsToUser } = surroundings;
  return withFormalFixups(program, surroundings).map((slot) =>
    isCast(slot) && slot.immediate === CAST_TO_USER && !convertsToUser ? toNarrowMove(slot) : slot,
  );
}

function withFormalFixups(
  program: readonly Instruction[],
  { notes, arrayAddress, descriptorOf }: FixupSurroundings,
): readonly Instruction[] {
  const [low, high] = wideLoad(0, arrayAddress);
  return program.map((slot, at) => {
    const before = program[at - 1];
    if (isMapLoad(slot)) return { ...slot, src: WideSource.VALUE, immediate: low.immediate };
    if (before !== undefined && isMapLoad(before)) return high;
    if (isCall(slot)) return calledInstead(slot, descriptorOf(at));
    if (notes.isNarrowed(at)) return { ...slot, opcode: (slot.opcode & ~7) | Class.ALU };
    return notes.pointerAt(at) === 'untrusted' ? probing(slot) : slot;
  });
}

const isMapLoad = ({ opcode, src }: Instruction): boolean => opcode === LD_IMM64 && src === WideSource.MAP_FD;

const isCast = ({ opcode, offset }: Instruction): boolean =>
  opcode === (Class.ALU64 | Operation.MOV | Source.X) &&
  operationOf(opcode) === Operation.MOV &&
  offset === MoveOffset.ADDRESS_SPACE_CAST;

const toNarrowMove = (slot: Instruction): Instruction => ({
  ...slot,
  opcode: Class.ALU | Operation.MOV | Source.X,
  offset: 0,
  immediate: 0,
});

/** A tail call is an instruction of its own; bpf_rdonly_cast() gives its first argument back. */
function calledInstead(slot: Instruction, descriptor: number): Instruction {
  if (slot.src === Callee.HELPER && slot.immediate === TAIL_CALL_HELPER)
    return instruction(Class.JMP | Jump.TAIL_CALL, { immediate: descriptor });
  if (slot.src === Callee.KFUNC && slot.immediate === RDONLY_CAST)
    return instruction(Class.ALU64 | Operation.MOV | Source.X, { dst: 0, src: 1 });
  return slot;
}

function probing(slot: Instruction): Instruction {
  const mode = modeOf(slot.opcode) === Mode.MEMSX ? InternalMode.PROBE_MEMSX : InternalMode.PROBE_MEM;
  return withMode(slot, mode);
}

function inArena(slot: Instruction): Instruction {
  switch (modeOf(slot.opcode)) {
    case Mode.ATOMIC:
      return withMode(slot, InternalMode.PROBE_ATOMIC);
    case Mode.MEMSX:
      return withMode(slot, classOf(slot.opcode) === Class.LDX ? InternalMode.PROBE_MEM32SX : InternalMode.PROBE_MEM32);
    default:
      return withMode(slot, InternalMode.PROBE_MEM32);
  }
}

const withMode = (slot: Instruction, mode: number): Instruction => ({ ...slot, opcode: (slot.opcode & 0x1f) | mode });
