/**
 * What the verifier writes in place of instructions that x86 or a JIT cannot do as BPF means them (kernel/bpf/verifier.c:
 * do_misc_fixups(), opt_subreg_zext_lo32_rnd_hi32()): divisions by zero and by minus one, which would raise an exception, and
 * compare-and-exchange of 32 bits, after which the upper half of r0 has to be cleared. Inlined helpers, map accesses and
 * barriers against speculation are left out: programs here come without maps and with all capabilities.
 */
import {
  Atomic,
  Class,
  classOf,
  type Instruction,
  InternalMode,
  instruction,
  Jump,
  Mode,
  modeOf,
  Operation,
  operationOf,
  Size,
  Source,
  sizeOf,
} from './instruction.ts';
import { SOUND_VERIFIER, type VerifierDecisions } from './verifier/decisions.ts';

/** What one slot becomes. Jumps inside are relative to their own places. `auxiliary` is the verifier's own register. */
export function rewritten(
  slot: Instruction,
  auxiliary: number,
  decisions: VerifierDecisions = SOUND_VERIFIER,
): readonly Instruction[] {
  const wide = classOf(slot.opcode) === Class.ALU64;
  if (!wide && classOf(slot.opcode) !== Class.ALU)
    return isNarrowExchange(slot, decisions) ? [slot, CLEAR_UPPER_R0] : [slot];
  const operation = operationOf(slot.opcode);
  if (operation !== Operation.DIV && operation !== Operation.MOD) return [slot];
  const signed = slot.offset === 1;
  if ((slot.opcode & Source.X) === 0) {
    if (slot.immediate === 0) return byZero(slot);
    return signed && slot.immediate === -1 && decisions.guardsMinusOne ? byMinusOne(slot) : [slot];
  }
  const guardsBoth = signed && decisions.guardsMinusOne;
  if (operation === Operation.DIV) return guardsBoth ? signedDivision(slot, auxiliary) : division(slot);
  return guardsBoth ? signedRemainder(slot, auxiliary) : remainder(slot);
}

function isNarrowExchange(
  { opcode, immediate }: Instruction,
  { extendsExchange, extendsArenaExchange }: VerifierDecisions,
): boolean {
  if (classOf(opcode) !== Class.STX || sizeOf(opcode) !== Size.W || immediate !== Atomic.CMPXCHG) return false;
  const mode = modeOf(opcode);
  return (mode === Mode.ATOMIC && extendsExchange) || (mode === InternalMode.PROBE_ATOMIC && extendsArenaExchange);
}

/** w0 = w0, with the mark of an extension that the verifier asks for. */
const CLEAR_UPPER_R0 = instruction(Class.ALU | Operation.MOV | Source.X, { immediate: 1 });

const jumpClass = ({ opcode }: Instruction): number => (classOf(opcode) === Class.ALU64 ? Class.JMP : Class.JMP32);
const skip = (offset: number): Instruction => instruction(Class.JMP | Jump.JA, { offset });
const constant = (opcode: number, dst: number, immediate: number): Instruction =>
  instruction(opcode | Operation.MOV, { dst, immediate });

/** The verifier refuses a division by the constant zero; it is given here the meaning that RFC 9669 gives it. */
function byZero({ opcode, dst }: Instruction): readonly Instruction[] {
  if (operationOf(opcode) === Operation.DIV) return [constant(Class.ALU, dst, 0)];
  return [instruction(classOf(opcode) | Operation.MOV | Source.X, { dst, src: dst })];
}

/** A quotient by minus one is the negated dividend, which wraps where the CPU would trap; the remainder is zero. */
function byMinusOne({ opcode, dst }: Instruction): readonly Instruction[] {
  const negation = instruction(classOf(opcode) | Operation.NEG, { dst });
  return [operationOf(opcode) === Operation.DIV ? negation : constant(Class.ALU, dst, 0)];
}

/** A quotient by zero is zero. */
function division(slot: Instruction): readonly Instruction[] {
  const { dst, src } = slot;
  return [
    instruction(jumpClass(slot) | Jump.JNE, { dst: src, offset: 2 }),
    instruction(Class.ALU | Operation.XOR | Source.X, { dst, src: dst }),
    skip(1),
    slot,
  ];
}

/** A remainder by zero is the dividend, of which a 32-bit operation still clears the upper half. */
function remainder(slot: Instruction): readonly Instruction[] {
  const { dst, src, opcode } = slot;
  const wide = classOf(opcode) === Class.ALU64;
  const check = instruction(jumpClass(slot) | Jump.JEQ, { dst: src, offset: wide ? 1 : 2 });
  return [check, slot, ...(wide ? [] : clearedUpper(dst))];
}

const clearedUpper = (dst: number): readonly Instruction[] => [
  skip(1),
  instruction(Class.ALU | Operation.MOV | Source.X, { dst, src: dst }),
];

/** The divisor plus one is 0 for minus one, 1 for zero, and more than 1 as an unsigned number for all others. */
function divisorPlusOne({ opcode, src }: Instruction, auxiliary: number): readonly Instruction[] {
  return [
    instruction(Class.ALU64 | Operation.MOV | Source.X, { dst: auxiliary, src }),
    instruction(classOf(opcode) | Operation.ADD, { dst: auxiliary, immediate: 1 }),
  ];
}

function signedDivision(slot: Instruction, auxiliary: number): readonly Instruction[] {
  const { dst, opcode } = slot;
  return [
    ...divisorPlusOne(slot, auxiliary),
    instruction(jumpClass(slot) | Jump.JGT, { dst: auxiliary, offset: 4, immediate: 1 }),
    instruction(jumpClass(slot) | Jump.JEQ, { dst: auxiliary, offset: 1 }),
    constant(classOf(opcode), dst, 0),
    instruction(classOf(opcode) | Operation.NEG, { dst }),
    skip(1),
    slot,
  ];
}

function signedRemainder(slot: Instruction, auxiliary: number): readonly Instruction[] {
  const { dst, opcode } = slot;
  const wide = classOf(opcode) === Class.ALU64;
  return [
    ...divisorPlusOne(slot, auxiliary),
    instruction(jumpClass(slot) | Jump.JGT, { dst: auxiliary, offset: 3, immediate: 1 }),
    instruction(jumpClass(slot) | Jump.JEQ, { dst: auxiliary, offset: wide ? 3 : 4, immediate: 1 }),
    constant(Class.ALU, dst, 0),
    skip(1),
    slot,
    ...(wide ? [] : clearedUpper(dst)),
  ];
}
