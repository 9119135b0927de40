/**
 * Constant blinding (kernel/bpf/core.c:bpf_jit_blind_constants()): with net.core.bpf_jit_harden a program's constants do not
 * appear in its machine code, where they could be jumped into as instructions. Each is replaced by two random-looking ones
 * whose exclusive or is computed in the auxiliary register at run time.
 *
 * Byte swaps, shifts and negation keep their immediates, which only choose among few operations; so do calls, and loads of
 * function addresses, which linking still has to find.
 */
import {
  Class,
  classOf,
  decodeInstructions,
  encodeInstructions,
  type Instruction,
  InternalMode,
  instruction,
  Jump,
  LD_IMM64,
  Mode,
  modeOf,
  Operation,
  operationOf,
  Source,
  sourceOf,
  WideSource,
} from '../instruction.ts';
import { jumpDistance } from '../validate.ts';
import type { JitBehaviour } from './profile.ts';
import type { JitFunction } from './program.ts';

/** A function with its constants blinded, and where its slots went. */
export function blindFunction(
  fn: JitFunction,
  behaviour: JitBehaviour,
  random: () => number,
): { readonly fn: JitFunction; readonly slots: readonly number[] } {
  const { instructions, slots } = blindConstants(decodeInstructions(fn.code) ?? [], behaviour, random);
  const links = fn.links.map(({ slot, callee }) => ({ slot: slots[slot]!, callee }));
  return { fn: { ...fn, code: encodeInstructions(instructions), links }, slots };
}

export interface BlindedCode {
  readonly instructions: readonly Instruction[];
  /** [i] is where the replacement of slot i begins; one entry more for the end. */
  readonly slots: readonly number[];
}

/**
 * Blinds the slots of one function. `random` gives signed 32-bit numbers and is asked once for each blinded constant, in
 * program order; a wide load has two. Jumps are re-aimed at what their targets became.
 */
export function blindConstants(
  code: readonly Instruction[],
  behaviour: JitBehaviour,
  random: () => number,
): BlindedCode {
  const blocks: Instruction[][] = [];
  for (let i = 0; i < code.length; i++) {
    const slot = code[i]!;
    const second = code[i + 1];
    if (slot.opcode === LD_IMM64 && second !== undefined) {
      const keeps = slot.src === WideSource.FUNCTION;
      blocks.push(...(keeps ? [[slot], [second]] : blindWideLoad(slot, second, behaviour.auxiliaryRegister, random)));
      i++;
    } else {
      blocks.push(blindOne(slot, behaviour, random));
    }
  }
  const slots = [0];
  for (const block of blocks) slots.push(slots.at(-1)! + block.length);
  return { instructions: blocks.flatMap((block, i) => aim(block, i, slots)), slots };
}

/** The halves one after the other: the upper is moved into place, the lower joined to it. */
function blindWideLoad(
  first: Instruction,
  second: Instruction,
  aux: number,
  random: () => number,
): [Instruction[], Instruction[]] {
  const { dst } = first;
  const upper = [
    ...loadBlinded(Class.ALU64, aux, second.immediate, random()),
    instruction(Class.ALU64 | Operation.LSH, { dst: aux, immediate: 32 }),
    instruction(Class.ALU64 | Operation.MOV | Source.X, { dst, src: aux }),
  ];
  const lower = [
    ...loadBlinded(Class.ALU, aux, first.immediate, random()),
    instruction(Class.ALU64 | Operation.OR | Source.X, { dst, src: aux }),
  ];
  return [upper, lower];
}

/** What one slot becomes; itself when it has no constant worth hiding or already uses the auxiliary register. */
function blindOne(slot: Instruction, behaviour: JitBehaviour, random: () => number): Instruction[] {
  const { opcode, dst, src, offset, immediate } = slot;
  const aux = behaviour.auxiliaryRegister;
  if (dst === aux || src === aux) return [slot];
  switch (classOf(opcode)) {
    case Class.ALU:
    case Class.ALU64:
      if (sourceOf(opcode) !== Source.K || !BLINDED_OPERATIONS.has(operationOf(opcode))) return [slot];
      if (operationOf(opcode) === Operation.MOV && immediate === 0) return [clear(dst)];
      return [
        ...loadBlinded(classOf(opcode), aux, immediate, random()),
        { ...slot, opcode: opcode | Source.X, src: aux, immediate: 0 },
      ];
    case Class.JMP:
    case Class.JMP32: {
      if (sourceOf(opcode) !== Source.K || !comparesImmediate(opcode)) return [slot];
      const width = classOf(opcode) === Class.JMP ? Class.ALU64 : Class.ALU;
      return [
        ...loadBlinded(width, aux, immediate, random()),
        { ...slot, opcode: opcode | Source.X, src: aux, immediate: 0 },
      ];
    }
    case Class.ST: {
      const arena = modeOf(opcode) === InternalMode.PROBE_MEM32 && behaviour.blindsArenaStores;
      if (modeOf(opcode) !== Mode.MEM && !arena) return [slot];
      const store = instruction((opcode & ~7) | Class.STX, { dst, src: aux, offset });
      return [...loadBlinded(Class.ALU64, aux, immediate, random()), store];
    }
    default:
      return [slot];
  }
}

const BLINDED_OPERATIONS: ReadonlySet<number> = new Set([
  Operation.ADD,
  Operation.SUB,
  Operation.AND,
  Operation.OR,
  Operation.XOR,
  Operation.MUL,
  Operation.MOV,
  Operation.DIV,
  Operation.MOD,
]);

const NOT_COMPARISONS: ReadonlySet<number> = new Set([Jump.JA, Jump.CALL, Jump.EXIT, Jump.JCOND, Jump.TAIL_CALL]);

const comparesImmediate = (opcode: number): boolean => !NOT_COMPARISONS.has(operationOf(opcode));

/** A zero needs no hiding. */
const clear = (dst: number): Instruction => instruction(Class.ALU64 | Operation.XOR | Source.X, { dst, src: dst });

const loadBlinded = (width: number, aux: number, value: number, random: number): [Instruction, Instruction] => [
  instruction(width | Operation.MOV, { dst: aux, immediate: random ^ value }),
  instruction(width | Operation.XOR, { dst: aux, immediate: random }),
];

/** Gives the jump of block `i`, always its last slot, the distance to what its target became. */
function aim(block: readonly Instruction[], i: number, slots: readonly number[]): readonly Instruction[] {
  const jump = block.at(-1)!;
  const distance = jumpDistance(jump);
  if (distance === undefined) return block;
  const target = slots[i + 1 + distance];
  if (target === undefined) return block;
  const moved = target - slots[i + 1]!;
  const aimed = isLongJump(jump) ? { ...jump, immediate: moved } : { ...jump, offset: moved };
  return [...block.slice(0, -1), aimed];
}

const isLongJump = ({ opcode }: Instruction): boolean => opcode === (Class.JMP32 | Jump.JA);
