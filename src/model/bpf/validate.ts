/**
 * Whether slots are well-formed instructions that stay inside their program: what kernel/bpf/verifier.c checks before it
 * follows a single path (check_subprogs(), resolve_pseudo_ldimm64() and the reserved fields of do_check()). That a program is
 * safe is not asked here.
 */
import {
  Atomic,
  Callee,
  Class,
  classOf,
  FRAME_POINTER,
  type Instruction,
  InternalMode,
  Jump,
  LD_IMM64,
  Mode,
  modeOf,
  Operation,
  operationOf,
  Size,
  Source,
  sizeOf,
  WideSource,
} from './instruction.ts';

/** What is wrong with the slot at `index`. */
export interface Malformation {
  readonly index: number;
  readonly message: string;
}

export interface ValidateOptions {
  /** The slots come from the verifier, which uses internal modes and registers behind the frame pointer. */
  readonly verified?: boolean;
  /**
   * Accept what RFC 9669 gives a meaning to although the verifier refuses it: shifts by a constant as wide as the operand or
   * wider, and divisions by the constant zero.
   */
  readonly unverified?: boolean;
}

/** All malformations in the order of the slots; none for a well-formed program. */
export function validate(program: readonly Instruction[], options: ValidateOptions = {}): Malformation[] {
  const found: Malformation[] = [];
  const starts = instructionStarts(program);
  program.forEach((slot, index) => {
    if (!starts.has(index)) return;
    const message = slotFault(slot, program[index + 1], options) ?? targetFault(slot, index, starts, program.length);
    if (message !== undefined) found.push({ index, message });
  });
  if (!endsInOneWay(program))
    found.push({ index: Math.max(program.length - 1, 0), message: 'the program runs past its end' });
  return found;
}

/** The slots that are not the second half of a wide load. */
function instructionStarts(program: readonly Instruction[]): ReadonlySet<number> {
  const starts = new Set<number>();
  for (let i = 0; i < program.length; i += program[i]!.opcode === LD_IMM64 ? 2 : 1) starts.add(i);
  return starts;
}

function slotFault(slot: Instruction, next: Instruction | undefined, options: ValidateOptions): string | undefined {
  const { verified = false, unverified = false } = options;
  const last = verified ? FRAME_POINTER + 2 : FRAME_POINTER;
  if (slot.dst > last || slot.src > last) return `there is no register r${Math.max(slot.dst, slot.src)}`;
  switch (classOf(slot.opcode)) {
    case Class.LD:
      return wideOrPacketFault(slot, next);
    case Class.ALU:
    case Class.ALU64:
      return arithmeticFault(slot, unverified);
    case Class.JMP:
    case Class.JMP32:
      return jumpFault(slot, verified);
    default:
      return memoryFault(slot, verified);
  }
}

function wideOrPacketFault({ opcode }: Instruction, next: Instruction | undefined): string | undefined {
  if (opcode === LD_IMM64) {
    if (next === undefined) return 'a wide load needs a second slot';
    return next.opcode === 0 && next.dst === 0 && next.src === 0 && next.offset === 0
      ? undefined
      : 'the second slot of a wide load has only an immediate';
  }
  const packet = modeOf(opcode) === Mode.ABS || modeOf(opcode) === Mode.IND;
  return packet && sizeOf(opcode) !== Size.DW ? undefined : unknown(opcode);
}

function arithmeticFault({ opcode, src, offset, immediate }: Instruction, unverified: boolean): string | undefined {
  const operation = operationOf(opcode);
  const byRegister = (opcode & Source.X) !== 0;
  const bits = classOf(opcode) === Class.ALU64 ? 64 : 32;
  if (operation > Operation.END) return unknown(opcode);
  const oneForm = operation === Operation.NEG || (operation === Operation.END && bits === 64);
  if (oneForm && byRegister) return unknown(opcode);
  if (!byRegister && src !== 0) return 'an operation on an immediate names a source register';
  switch (operation) {
    case Operation.END:
      return [16, 32, 64].includes(immediate) ? undefined : `bytes of ${immediate} bits cannot be swapped`;
    case Operation.LSH:
    case Operation.RSH:
    case Operation.ARSH:
      return byRegister || unverified || (immediate >= 0 && immediate < bits)
        ? undefined
        : `a ${bits}-bit shift by ${immediate}`;
    case Operation.DIV:
    case Operation.MOD:
      if (!byRegister && !unverified && immediate === 0) return 'a division by the constant zero';
      return offset === 0 || offset === 1 ? undefined : `division has no variant ${offset}`;
    case Operation.MOV:
      return byRegister ? moveFault(bits, offset) : undefined;
    default:
      return offset === 0 ? undefined : `this operation has no variant ${offset}`;
  }
}

function moveFault(bits: number, offset: number): string | undefined {
  const variants = bits === 64 ? [0, 8, 16, 32, 1, -1] : [0, 8, 16];
  return variants.includes(offset) ? undefined : `a ${bits}-bit move has no variant ${offset}`;
}

function jumpFault({ opcode }: Instruction, verified: boolean): string | undefined {
  const wide = classOf(opcode) === Class.JMP;
  switch (operationOf(opcode)) {
    case Jump.JA:
      return (opcode & Source.X) === 0 ? undefined : unknown(opcode);
    case Jump.CALL:
    case Jump.EXIT:
    case Jump.JCOND:
      return wide && (opcode & Source.X) === 0 ? undefined : unknown(opcode);
    case Jump.TAIL_CALL:
      return verified && opcode === (Class.JMP | Jump.TAIL_CALL) ? undefined : unknown(opcode);
    default:
      return undefined;
  }
}

function memoryFault({ opcode, immediate }: Instruction, verified: boolean): string | undefined {
  const [class_, mode, size] = [classOf(opcode), modeOf(opcode), sizeOf(opcode)];
  if (class_ === Class.STX && (mode === Mode.ATOMIC || (verified && mode === InternalMode.PROBE_ATOMIC))) {
    return atomicFault(size, immediate);
  }
  if (mode === Mode.MEM) return undefined;
  if (class_ === Class.LDX && mode === Mode.MEMSX) return size === Size.DW ? unknown(opcode) : undefined;
  return verified && internalModes(class_, size).includes(mode) ? undefined : unknown(opcode);
}

function internalModes(class_: number, size: number): readonly number[] {
  const { PROBE_MEM, PROBE_MEMSX, PROBE_MEM32, PROBE_MEM32SX, NOSPEC } = InternalMode;
  if (class_ === Class.LDX)
    return size === Size.DW ? [PROBE_MEM, PROBE_MEM32] : [PROBE_MEM, PROBE_MEMSX, PROBE_MEM32, PROBE_MEM32SX];
  return class_ === Class.ST && size === Size.W ? [PROBE_MEM32, NOSPEC] : [PROBE_MEM32];
}

function atomicFault(size: number, kind: number): string | undefined {
  if (kind === Atomic.LOAD_ACQUIRE || kind === Atomic.STORE_RELEASE) return undefined;
  if (size !== Size.W && size !== Size.DW) return 'atomic operations take 4 or 8 bytes';
  const operations: readonly number[] = [Operation.ADD, Operation.OR, Operation.AND, Operation.XOR];
  const known = kind === Atomic.XCHG || kind === Atomic.CMPXCHG || operations.includes(kind & ~Atomic.FETCH);
  return known ? undefined : `there is no atomic operation 0x${(kind >>> 0).toString(16)}`;
}

/** Jumps stay inside the program and land on the beginning of an instruction. */
function targetFault(
  slot: Instruction,
  index: number,
  starts: ReadonlySet<number>,
  length: number,
): string | undefined {
  const distance = jumpDistance(slot) ?? functionDistance(slot);
  if (distance === undefined || starts.has(index + 1 + distance)) return undefined;
  const target = index + 1 + distance;
  if (target >= 0 && target < length) return `a jump to slot ${target}, into the middle of a wide load`;
  return `a jump to slot ${target}, out of the program, which has ${length}`;
}

/** Slots from the next instruction to where a jump goes; undefined for everything else. */
export function jumpDistance({ opcode, offset, immediate }: Instruction): number | undefined {
  const class_ = classOf(opcode);
  if (class_ !== Class.JMP && class_ !== Class.JMP32) return undefined;
  const operation = operationOf(opcode);
  if (operation === Jump.JA && class_ === Class.JMP32) return immediate;
  return operation === Jump.CALL || operation === Jump.EXIT || operation === Jump.TAIL_CALL ? undefined : offset;
}

/** The same for what names a function of the program: a call, or a load of its address. */
export function functionDistance({ opcode, src, immediate }: Instruction): number | undefined {
  const isCall = opcode === (Class.JMP | Jump.CALL) && src === Callee.FUNCTION;
  const isAddress = opcode === LD_IMM64 && src === WideSource.FUNCTION;
  return isCall || isAddress ? immediate : undefined;
}

/** The last instruction leaves the program or jumps elsewhere. */
function endsInOneWay(program: readonly Instruction[]): boolean {
  const last = program.at(-1);
  if (last === undefined) return false;
  const { opcode } = last;
  return opcode === (Class.JMP | Jump.EXIT) || opcode === (Class.JMP | Jump.JA) || opcode === (Class.JMP32 | Jump.JA);
}

const unknown = (opcode: number): string => `unknown opcode ${opcode.toString(16).padStart(2, '0')}`;
