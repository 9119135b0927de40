/** Arithmetic on values and pointers: check_alu_op() and adjust_ptr_min_max_vals() of kernel/bpf/verifier.c. */
import {
  CAST_TO_USER,
  Class,
  classOf,
  FRAME_POINTER,
  type Instruction,
  MoveOffset,
  Operation,
  operationOf,
  Source,
} from '../instruction.ts';
import type { Notes } from './notes.ts';
import { type Rejected, reject, unreadable, type VerifierRules } from './rules.ts';
import type { PathState } from './state.ts';
import { ARENA, isPointer, nameOf, SCALAR, type Value } from './value.ts';

/** Judges one instruction of the arithmetic classes and notes what it leaves in its destination. */
export function arithmeticFault(
  state: PathState,
  slot: Instruction,
  rules: VerifierRules,
  notes: Notes,
): Rejected | undefined {
  const { opcode, dst, src } = slot;
  const { registers } = state.frame;
  const operation = operationOf(opcode);
  const byRegister = (opcode & Source.X) !== 0 && operation !== Operation.END;
  if (dst === FRAME_POINTER) return reject(state.at, '-EACCES', 'frame pointer is read only');
  if (byRegister && registers[src]!.kind === 'nothing') return unreadable(state, src);
  if (operation !== Operation.MOV && registers[dst]!.kind === 'nothing') return unreadable(state, dst);
  const result = operation === Operation.MOV ? moved(state, slot, rules) : combined(state, slot, rules, notes);
  if (result.kind === 'rejected') return result;
  registers[dst] = result;
  return undefined;
}

function moved(state: PathState, slot: Instruction, rules: VerifierRules): Value | Rejected {
  const { opcode, src, offset, immediate } = slot;
  if ((opcode & Source.X) === 0) return { kind: 'scalar', constant: immediate };
  const value = state.frame.registers[src]!;
  const wide = classOf(opcode) === Class.ALU64;
  if (wide && offset === MoveOffset.ADDRESS_SPACE_CAST) return cast(state, slot, rules);
  if (wide && offset === 0) return value;
  if (isPointer(value) && value.kind !== 'arena') return reject(state.at, '-EACCES', `R${src} partial copy of pointer`);
  return SCALAR;
}

function cast({ at }: PathState, { immediate }: Instruction, { hasArena, decisions }: VerifierRules): Value | Rejected {
  if (immediate !== 1 && immediate !== CAST_TO_USER)
    return reject(at, '-EINVAL', 'addr_space_cast insn can only convert between address space 1 and 0');
  if (!hasArena && decisions.castsNeedAnArena)
    return reject(at, '-EINVAL', 'addr_space_cast insn can only be used in a program that has an associated arena');
  return immediate === 1 ? ARENA : SCALAR;
}

function combined(state: PathState, slot: Instruction, rules: VerifierRules, notes: Notes): Value | Rejected {
  const { opcode, dst, src, immediate } = slot;
  const { at, frame } = state;
  const operation = operationOf(opcode);
  const byRegister = (opcode & Source.X) !== 0 && operation !== Operation.END;
  const left = frame.registers[dst]!;
  const right: Value = byRegister ? frame.registers[src]! : { kind: 'scalar', constant: immediate };
  const wide = classOf(opcode) === Class.ALU64;
  const unary = operation === Operation.NEG || operation === Operation.END;
  if (left.kind === 'arena') {
    if (unary) return SCALAR;
    if (isPointer(right) && (right.kind !== 'arena' || rules.arenaAsOperand === 'refused') && right.kind !== 'context')
      return reject(at, '-EACCES', `R${src} pointer arithmetic prohibited`);
    if (right.kind !== 'scalar' && rules.arenaAsOperand === 'refused')
      return reject(at, '-EACCES', `R${src} pointer arithmetic on arena prohibited`);
    if (wide) notes.narrow(at);
    return ARENA;
  }
  if (right.kind === 'arena') return withArenaOperand(state, slot, left, rules, notes);
  if (isPointer(right)) return reject(at, '-EACCES', `R${src} pointer arithmetic prohibited`);
  if (!isPointer(left)) return SCALAR;
  return moveConstantly(state, slot, left, right);
}

/** A scalar or the context on the left, an arena pointer on the right. */
function withArenaOperand(
  { at }: PathState,
  { opcode, src }: Instruction,
  left: Value,
  { arenaAsOperand }: VerifierRules,
  notes: Notes,
): Value | Rejected {
  const wide = classOf(opcode) === Class.ALU64;
  if (arenaAsOperand === 'refused') {
    const message = wide ? 'pointer arithmetic on arena prohibited' : '32-bit pointer arithmetic prohibited';
    return reject(at, '-EACCES', `R${src} ${message}`);
  }
  if (left.kind !== 'scalar' && left.kind !== 'context')
    return reject(at, '-EACCES', `R${src} pointer arithmetic prohibited`);
  if (wide) notes.narrow(at);
  return ARENA;
}

/** Pointers to the stack and the context move by constants. */
function moveConstantly({ at }: PathState, slot: Instruction, left: Value, right: Value): Value | Rejected {
  const { opcode, dst } = slot;
  const operation = operationOf(opcode);
  const constant = right.kind === 'scalar' ? right.constant : undefined;
  const prohibited = `R${dst} pointer arithmetic with ${nameOf(left)} prohibited`;
  if (classOf(opcode) !== Class.ALU64) return reject(at, '-EACCES', `R${dst} 32-bit pointer arithmetic prohibited`);
  if (operation !== Operation.ADD && operation !== Operation.SUB) return reject(at, '-EACCES', prohibited);
  if (left.kind !== 'stack' && left.kind !== 'context') return reject(at, '-EACCES', prohibited);
  if (constant === undefined) return reject(at, '-EACCES', `R${dst} variable offset is not followed here`);
  const offset = left.offset + (operation === Operation.ADD ? constant : -constant);
  if (Math.abs(offset) > 2 ** 29)
    return reject(at, '-EACCES', `value ${offset} makes ${nameOf(left)} pointer be out of bounds`);
  return { ...left, offset };
}
