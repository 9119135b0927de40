/**
 * Follows every path of a program the way kernel/bpf/verifier.c:do_check() does, as far as programs made for CO-RE need it:
 * known and unknown scalars, the context, one map value, calls of static functions and of bpf_ktime_get_ns().
 * Left out: value ranges, the stack, state pruning, global functions and every other helper and pointer. A program that
 * needs them is refused with `unsupported`, never accepted by mistake.
 */
import { u64 } from '../../../../base/word.ts';
import { CALL, LD_IMM64, type ProgramImage } from '../image.ts';
import { type Failure, failure } from '../refusal.ts';
import {
  accessBytes,
  CLASS,
  classOf,
  isConditionalJump,
  JUMP,
  MODE,
  modeOf,
  operationOf,
  usesRegister,
} from './opcode.ts';
import { compute, holds, operand } from './scalar.ts';
import { jumpTarget } from './shape.ts';

/** What is known of a register; undefined: never written. */
type Register =
  | { readonly kind: 'known'; readonly value: bigint }
  | { readonly kind: 'scalar' }
  | { readonly kind: 'context' }
  | { readonly kind: 'stack' }
  | { readonly kind: 'map-value' }
  | undefined;

interface Path {
  readonly index: number;
  readonly registers: readonly Register[];
  /** Return addresses with the callers' registers 6 to 9. */
  readonly frames: readonly { readonly index: number; readonly saved: readonly Register[] }[];
}

/** Instructions followed before giving up (BPF_COMPLEXITY_LIMIT_INSNS). */
const STEP_LIMIT = 1_000_000;
/** Calls on top of each other (MAX_CALL_FRAMES). */
const FRAME_LIMIT = 8;
const KTIME_GET_NS = 5;
const SCALAR: Register = { kind: 'scalar' };

export interface Walked {
  readonly kind: 'walked';
  /** 1 for every slot some path reached. */
  readonly seen: Uint8Array;
}

/** Walks all paths of a program whose shape was checked. `mapValueBytes` is the size of the value behind map-value loads. */
export function walkPaths(image: ProgramImage, mapValueBytes: number): Walked | Failure {
  const seen = new Uint8Array(image.length);
  const registers: Register[] = Array(11).fill(undefined);
  registers[1] = { kind: 'context' };
  registers[10] = { kind: 'stack' };
  const pending: Path[] = [{ index: 0, registers, frames: [] }];
  for (let steps = 0; pending.length > 0; steps++) {
    if (steps === STEP_LIMIT) return failure('the program is too large to follow', 'E2BIG');
    const path = pending.pop()!;
    seen[path.index] = 1;
    if (image.opcode(path.index) === LD_IMM64) seen[path.index + 1] = 1;
    const next = step(image, path, mapValueBytes);
    if (!Array.isArray(next)) return next;
    pending.push(...next);
  }
  return { kind: 'walked', seen };
}

function step(image: ProgramImage, path: Path, mapValueBytes: number): Path[] | Failure {
  const { index } = path;
  const opcode = image.opcode(index);
  switch (classOf(opcode)) {
    case CLASS.alu:
    case CLASS.alu64:
      return arithmetic(image, path);
    case CLASS.jmp:
    case CLASS.jmp32:
      return jump(image, path);
    case CLASS.ld:
      return loadImmediate(image, path);
    default:
      return memory(image, path, mapValueBytes);
  }
}

/** The path one or more slots on, with one register changed. */
const onward = (path: Path, slots: number, register?: number, value?: Register): Path[] => [
  {
    ...path,
    index: path.index + slots,
    registers: register === undefined ? path.registers : path.registers.with(register, value),
  },
];

function arithmetic(image: ProgramImage, path: Path): Path[] | Failure {
  const { index, registers } = path;
  const opcode = image.opcode(index);
  const operation = operationOf(opcode);
  const destination = image.destination(index);
  const bits = classOf(opcode) === CLASS.alu64 ? 64 : 32;
  const reserved = reservedFields(image, index);
  if (reserved !== undefined) return reserved;
  if (destination === 10) return failure('frame pointer is read only', 'EACCES');
  const left = registers[destination];
  if (operation !== 11 && left === undefined) return unreadable(destination);
  const right: Register = usesRegister(opcode)
    ? registers[image.source(index)]
    : { kind: 'known', value: operand(image.immediate(index)) };
  if (right === undefined) return unreadable(image.source(index));
  if (operation === 11 && bits === 64 && image.offset(index) === 0) return onward(path, 1, destination, right);
  if (isPointer(operation === 11 ? right : left) || isPointer(right)) return unsupported('arithmetic on pointers');
  const known = right.kind === 'known' && (operation === 11 || left?.kind === 'known');
  const signExtends = operation === 11 && image.offset(index) !== 0;
  const value =
    known && !signExtends ? compute(operation, bits, left?.kind === 'known' ? left.value : 0n, right.value) : undefined;
  return onward(path, 1, destination, value === undefined ? SCALAR : { kind: 'known', value });
}

/** Immediates and fields an arithmetic instruction may not have (verifier.c:check_alu_op()). */
function reservedFields(image: ProgramImage, index: number): Failure | undefined {
  const opcode = image.opcode(index);
  const operation = operationOf(opcode);
  const immediate = image.immediate(index);
  const bits = classOf(opcode) === CLASS.alu64 ? 64 : 32;
  if (operation === 8 && (immediate !== 0 || image.source(index) !== 0 || image.offset(index) !== 0))
    return failure('BPF_NEG uses reserved fields');
  if (operation === 13) {
    const width = immediate === 16 || immediate === 32 || immediate === 64;
    if (!width || image.source(index) !== 0 || image.offset(index) !== 0)
      return failure('BPF_END uses reserved fields');
  }
  if (usesRegister(opcode)) return undefined;
  if (operation === 3 || operation === 9) return immediate === 0 ? failure('div by zero') : undefined;
  const shifts = operation === 6 || operation === 7 || operation === 12;
  return shifts && (immediate < 0 || immediate >= bits) ? failure(`invalid shift ${immediate}`) : undefined;
}

function loadImmediate(image: ProgramImage, path: Path): Path[] | Failure {
  const { index } = path;
  if (image.opcode(index) !== LD_IMM64) return unsupported('packet loads');
  const low = BigInt.asUintN(32, BigInt(image.immediate(index)));
  const value = u64((BigInt(image.immediate(index + 1)) << 32n) | low);
  switch (image.source(index)) {
    case 0:
      return onward(path, 2, image.destination(index), { kind: 'known', value });
    case 2:
      return onward(path, 2, image.destination(index), { kind: 'map-value' });
    default:
      return unsupported('64-bit loads of other objects');
  }
}

/** Loads, stores and atomic operations on the map value; bounds and, for atomics, alignment. */
function memory(image: ProgramImage, path: Path, mapValueBytes: number): Path[] | Failure {
  const { index, registers } = path;
  const opcode = image.opcode(index);
  const load = classOf(opcode) === CLASS.ldx;
  const base = load ? image.source(index) : image.destination(index);
  const bytes = accessBytes(opcode);
  const atomic = modeOf(opcode) === MODE.atomic;
  if (classOf(opcode) === CLASS.stx && registers[image.source(index)] === undefined)
    return unreadable(image.source(index));
  if (registers[base] === undefined) return unreadable(base);
  if (registers[base].kind === 'known' || registers[base].kind === 'scalar')
    return failure(`R${base} invalid mem access 'scalar'`, 'EACCES');
  if (registers[base].kind !== 'map-value') return unsupported('access to anything but a map value');
  if (atomic && bytes < 4) return failure('invalid atomic operand size');
  const offset = image.offset(index);
  if (atomic && offset % bytes !== 0) return failure(`misaligned value access off ${offset} size ${bytes}`, 'EACCES');
  if (offset < 0 || offset + bytes > mapValueBytes) return failure('invalid access to map value', 'EACCES');
  return load ? onward(path, 1, image.destination(index), SCALAR) : onward(path, 1);
}

function jump(image: ProgramImage, path: Path): Path[] | Failure {
  const { index, registers } = path;
  const opcode = image.opcode(index);
  if (operationOf(opcode) === JUMP.exit) return leave(path);
  if (opcode === CALL) return call(image, path);
  const target = jumpTarget(image, index)!;
  const taken: Path = { ...path, index: target };
  if (!isConditionalJump(opcode)) return [taken];
  const left = registers[image.destination(index)];
  const right: Register = usesRegister(opcode)
    ? registers[image.source(index)]
    : { kind: 'known', value: operand(image.immediate(index)) };
  if (left === undefined) return unreadable(image.destination(index));
  if (right === undefined) return unreadable(image.source(index));
  if (left.kind !== 'known' || right.kind !== 'known') return [...onward(path, 1), taken];
  const bits = classOf(opcode) === CLASS.jmp ? 64 : 32;
  return holds(operationOf(opcode), bits, left.value, right.value) ? [taken] : onward(path, 1);
}

function call(image: ProgramImage, path: Path): Path[] | Failure {
  const { index, registers } = path;
  const [, , , , , , ...kept] = registers;
  if (image.isPseudoCall(index)) {
    if (path.frames.length + 1 === FRAME_LIMIT) return failure('the call stack is too deep', 'E2BIG');
    const inside: Register[] = [undefined, ...registers.slice(1, 6), undefined, undefined, undefined, undefined];
    const frame = { index: index + 1, saved: kept.slice(0, 4) };
    return [
      {
        index: index + image.immediate(index) + 1,
        registers: [...inside, { kind: 'stack' }],
        frames: [...path.frames, frame],
      },
    ];
  }
  if (image.source(index) !== 0) return unsupported('kernel functions');
  if (image.immediate(index) !== KTIME_GET_NS) return failure(`invalid func unknown#${image.immediate(index)}`);
  return [{ ...path, index: index + 1, registers: afterCall(SCALAR, kept) }];
}

function leave(path: Path): Path[] | Failure {
  const result = path.registers[0];
  if (result === undefined) return unreadable(0);
  const frame = path.frames.at(-1);
  if (frame === undefined) return isPointer(result) ? failure('R0 leaks addr as return value', 'EACCES') : [];
  const registers = afterCall(result, [...frame.saved, { kind: 'stack' }]);
  return [{ index: frame.index, registers, frames: path.frames.slice(0, -1) }];
}

/** Registers 1 to 5 are lost in a call, 6 to 10 kept. */
const afterCall = (result: Register, kept: readonly Register[]): Register[] => [
  result,
  undefined,
  undefined,
  undefined,
  undefined,
  undefined,
  ...kept,
];

const isPointer = (register: Register): boolean =>
  register !== undefined && register.kind !== 'known' && register.kind !== 'scalar';

const unreadable = (register: number): Failure => failure(`R${register} !read_ok`, 'EACCES');

const unsupported = (what: string): Failure => failure(`unsupported by this verifier: ${what}`, 'ENOENT');
