/**
 * What the verifier asks of a program before it follows any path (kernel/bpf/verifier.c: add_subprog_and_kfunc(),
 * check_subprogs(), check_btf_func(), resolve_pseudo_ldimm64(), check_cfg()). The first two and the comparison with
 * func_info come before CO-RE relocation on 6.18, the others after it.
 */
import { LD_IMM64, type ProgramImage } from '../image.ts';
import { type Failure, failure } from '../refusal.ts';
import {
  CLASS,
  classOf,
  isConditionalJump,
  isJumpClass,
  JUMP,
  MODE,
  modeOf,
  opcodeExists,
  operationOf,
} from './opcode.ts';

/** First instructions of all functions, ascending: the program's own and every target of a pseudo call. */
export function functionStarts(image: ProgramImage): number[] | Failure {
  const starts = new Set([0]);
  for (let index = 0; index < image.length; index++) {
    if (!image.isPseudoCall(index) && !image.isPseudoFunction(index)) continue;
    const target = index + image.immediate(index) + 1;
    if (target < 0 || target >= image.length) return failure(`instruction ${index} calls outside the program`);
    starts.add(target);
  }
  return [...starts].sort((left, right) => left - right);
}

/** Jumps stay in their function, and every function ends in an exit or an unconditional jump. */
export function checkFunctions(image: ProgramImage, starts: readonly number[]): Failure | undefined {
  for (const [position, start] of starts.entries()) {
    const end = starts[position + 1] ?? image.length;
    for (let index = start; index < end; index++) {
      const target = jumpTarget(image, index);
      if (target !== undefined && (target < start || target >= end))
        return failure(`jump out of range from insn ${index} to ${target}`);
    }
    const last = image.opcode(end - 1);
    const leaves = isJumpClass(last) && [JUMP.exit, JUMP.always].some((operation) => operation === operationOf(last));
    if (!leaves) return failure('last insn is not an exit or jmp');
  }
  return undefined;
}

/** func_info names each function once, in order. */
export function checkFunctionInfo(starts: readonly number[], infoStarts: readonly number[]): Failure | undefined {
  const same = starts.length === infoStarts.length && starts.every((start, index) => start === infoStarts[index]);
  return same ? undefined : failure('func_info does not match the functions of the program');
}

/** Every opcode exists and 64-bit loads have both halves. */
export function checkOpcodes(image: ProgramImage): Failure | undefined {
  for (let index = 0; index < image.length; index++) {
    const opcode = image.opcode(index);
    if (opcode === LD_IMM64) {
      const second = index + 1;
      const whole =
        second < image.length &&
        image.opcode(second) === 0 &&
        image.destination(second) === 0 &&
        image.source(second) === 0 &&
        image.offset(second) === 0;
      if (!whole) return failure('invalid bpf_ld_imm64 insn');
      index += 1;
      continue;
    }
    if (classOf(opcode) === CLASS.ldx && image.immediate(index) !== 0) return failure('BPF_LDX uses reserved fields');
    if (classOf(opcode) === CLASS.ld && modeOf(opcode) === MODE.imm) return failure('invalid BPF_LD_IMM insn');
    if (!opcodeExists(opcode)) return failure(`unknown opcode ${opcode.toString(16)}`);
  }
  return undefined;
}

/** Every instruction can be reached when all branches are taken for possible, and none falls off the end. */
export function checkReachable(image: ProgramImage): Failure | undefined {
  const seen = new Uint8Array(image.length);
  const pending = [0];
  while (pending.length > 0) {
    const index = pending.pop()!;
    if (index < 0 || index >= image.length) return failure(`jump out of range to ${index}`);
    if (seen[index] === 1) continue;
    seen[index] = 1;
    if (image.opcode(index) === LD_IMM64) seen[index + 1] = 1;
    pending.push(...successors(image, index));
  }
  const unreached = seen.indexOf(0);
  return unreached < 0 ? undefined : failure(`unreachable insn ${unreached}`);
}

function successors(image: ProgramImage, index: number): number[] {
  const opcode = image.opcode(index);
  if (opcode === LD_IMM64) {
    const next = index + 2;
    return image.isPseudoFunction(index) ? [next, index + image.immediate(index) + 1] : [next];
  }
  if (!isJumpClass(opcode)) return [index + 1];
  if (operationOf(opcode) === JUMP.exit) return [];
  if (operationOf(opcode) === JUMP.always) return [jumpTarget(image, index)!];
  if (isConditionalJump(opcode)) return [index + 1, jumpTarget(image, index)!];
  return image.isPseudoCall(index) ? [index + 1, index + image.immediate(index) + 1] : [index + 1];
}

/** Where a jump goes: `gotol` (JMP32 ja) counts in its immediate, all others in the offset. undefined for no jump. */
export function jumpTarget(image: ProgramImage, index: number): number | undefined {
  const opcode = image.opcode(index);
  if (!isJumpClass(opcode)) return undefined;
  const operation = operationOf(opcode);
  if (operation === JUMP.call || operation === JUMP.exit) return undefined;
  const long = operation === JUMP.always && classOf(opcode) === CLASS.jmp32;
  return index + 1 + (long ? image.immediate(index) : image.offset(index));
}
