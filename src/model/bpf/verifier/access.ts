/** Loads, stores and atomics: check_mem_access(), check_atomic() and check_ptr_off_reg() of kernel/bpf/verifier.c. */
import { Atomic, bytesMovedBy, Class, classOf, FRAME_POINTER, type Instruction, Mode, modeOf } from '../instruction.ts';
import { MAX_STACK } from '../stack-depth.ts';
import type { Notes, Pointer } from './notes.ts';
import { type Rejected, reject, unreadable, type VerifierRules } from './rules.ts';
import type { PathState } from './state.ts';
import { isPointer, nameOf, SCALAR, type Value } from './value.ts';

/** Judges one instruction of the memory classes and notes what it leaves in registers and stack. */
export function accessFault(
  state: PathState,
  slot: Instruction,
  rules: VerifierRules,
  notes: Notes,
): Rejected | undefined {
  const { opcode, dst, src, immediate } = slot;
  const { registers } = state.frame;
  const class_ = classOf(opcode);
  const isAtomic = class_ === Class.STX && modeOf(opcode) === Mode.ATOMIC;
  const acquires = isAtomic && immediate === Atomic.LOAD_ACQUIRE;
  const isLoad = class_ === Class.LDX || acquires;
  if (class_ === Class.LD)
    return reject(state.at, '-EINVAL', 'BPF_LD_[ABS|IND] instructions not allowed for this program type');
  if (isAtomic && !rules.acquireRelease && (acquires || immediate === Atomic.STORE_RELEASE))
    return reject(state.at, '-EINVAL', `BPF_ATOMIC uses invalid atomic opcode ${immediate.toString(16)}`);
  const base = isLoad ? src : dst;
  for (const register of read(slot, isLoad, isAtomic)) {
    if (registers[register]!.kind === 'nothing') return unreadable(state, register);
  }
  const pointer = registers[base]!;
  const fault =
    placeFault(state, slot, { pointer, base, writes: !isLoad }, rules, notes) ??
    (isAtomic && !acquires ? atomicFault(state, slot, pointer, rules) : undefined);
  if (fault !== undefined) return fault;
  return isLoad ? load(state, slot, pointer, rules) : store(state, slot, { pointer, isAtomic }, notes);
}

/** The registers an access reads. */
function read({ opcode, dst, src, immediate }: Instruction, isLoad: boolean, isAtomic: boolean): readonly number[] {
  if (isLoad) return [src];
  if (classOf(opcode) === Class.ST) return [dst];
  return isAtomic && immediate === Atomic.CMPXCHG ? [dst, src, 0] : [dst, src];
}

function placeFault(
  state: PathState,
  { opcode, offset, immediate }: Instruction,
  { pointer, base, writes }: { readonly pointer: Value; readonly base: number; readonly writes: boolean },
  rules: VerifierRules,
  notes: Notes,
): Rejected | undefined {
  const { at, frame } = state;
  const size = bytesMovedBy(opcode);
  const isAtomic = classOf(opcode) === Class.STX && modeOf(opcode) === Mode.ATOMIC;
  const kind = kindOf(pointer);
  if (kind === undefined) return reject(at, '-EACCES', `R${base} invalid mem access '${nameOf(pointer)}'`);
  const isExchange = isAtomic && immediate !== Atomic.LOAD_ACQUIRE && immediate !== Atomic.STORE_RELEASE;
  const noted = isExchange && kind !== 'arena' && !rules.decisions.atomicsKeepTheirKind;
  if (!noted && !notes.access(at, kind))
    return reject(at, '-EINVAL', 'same insn cannot be used with different pointers');
  if (pointer.kind === 'stack') {
    const first = pointer.offset + offset;
    if (first >= 0 || first < -MAX_STACK || first + size > 0)
      return reject(
        at,
        '-EACCES',
        `invalid ${writes ? 'write to' : 'read from'} stack R${base} off=${first} size=${size}`,
      );
    if (isAtomic && first % size !== 0)
      return reject(at, '-EACCES', `misaligned stack access off ${first} size ${size}`);
    if (pointer.depth === frame.depth) notes.touchStack(frame.start, first);
  }
  if (pointer.kind === 'context') {
    const first = pointer.offset + offset;
    if (isAtomic) return reject(at, '-EACCES', `BPF_ATOMIC stores into R${base} ctx is not allowed`);
    if (first < 0 || first + size > rules.contextBytes || first % size !== 0)
      return reject(at, '-EACCES', `invalid bpf_context access off=${first} size=${size}`);
  }
  if (pointer.kind === 'untrusted' && (writes || isAtomic)) return reject(at, '-EACCES', 'only read is supported');
  return undefined;
}

function kindOf({ kind }: Value): Pointer | undefined {
  switch (kind) {
    case 'stack':
    case 'context':
      return 'memory';
    case 'arena':
    case 'untrusted':
      return kind;
    default:
      return undefined;
  }
}

function atomicFault(state: PathState, slot: Instruction, pointer: Value, rules: VerifierRules): Rejected | undefined {
  const { dst, src, immediate } = slot;
  const value = state.frame.registers[src]!;
  const isRelease = immediate === Atomic.STORE_RELEASE;
  if (isPointer(value) && !isRelease) return reject(state.at, '-EACCES', `R${src} leaks addr into mem`);
  if (immediate === Atomic.CMPXCHG && isPointer(state.frame.registers[0]!))
    return reject(state.at, '-EACCES', 'R0 leaks addr into mem');
  if (pointer.kind !== 'arena' || isRelease || rules.decisions.jitCanInArena(immediate)) return undefined;
  return reject(state.at, '-EACCES', `BPF_ATOMIC stores into R${dst} arena is not allowed`);
}

function load(state: PathState, slot: Instruction, pointer: Value, rules: VerifierRules): Rejected | undefined {
  const { opcode, dst, offset } = slot;
  if (dst === FRAME_POINTER) return reject(state.at, '-EACCES', 'frame pointer is read only');
  const size = bytesMovedBy(opcode);
  let value: Value = SCALAR;
  if (pointer.kind === 'stack') {
    const found = state.frames[pointer.depth]!.load(pointer.offset + offset, size);
    if (found === undefined)
      return reject(state.at, '-EACCES', `invalid read from stack off ${pointer.offset + offset} size ${size}`);
    value = found;
  }
  if (pointer.kind === 'arena' && modeOf(opcode) === Mode.MEMSX && !rules.signedArenaLoads)
    return reject(state.at, '-EOPNOTSUPP', 'sign extending loads from arena are not supported yet');
  state.frame.registers[dst] = value;
  return undefined;
}

function store(
  state: PathState,
  slot: Instruction,
  { pointer, isAtomic }: { readonly pointer: Value; readonly isAtomic: boolean },
  notes: Notes,
): Rejected | undefined {
  const { opcode, src, offset, immediate } = slot;
  const { frame, frames, at } = state;
  const size = bytesMovedBy(opcode);
  const isImmediate = classOf(opcode) === Class.ST;
  const value = isImmediate ? SCALAR : frame.registers[src]!;
  const exchanges = isAtomic && immediate !== Atomic.STORE_RELEASE;
  if (pointer.kind === 'stack') {
    const target = frames[pointer.depth]!;
    if (exchanges && target.load(pointer.offset + offset, size) === undefined)
      return reject(at, '-EACCES', `invalid read from stack off ${pointer.offset + offset} size ${size}`);
    target.store(pointer.offset + offset, size, exchanges ? SCALAR : value);
    if (value.kind === 'stack' && size < 8) notes.tellsItsStack = true;
  } else if (value.kind === 'stack' || value.kind === 'map') {
    return reject(at, '-EACCES', `R${src} leaks addr into mem`);
  }
  if (!exchanges) return undefined;
  if (immediate === Atomic.CMPXCHG) frame.registers[0] = SCALAR;
  else if ((immediate & Atomic.FETCH) !== 0) frame.registers[src] = SCALAR;
  return undefined;
}
