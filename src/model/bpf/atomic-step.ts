/**
 * What the atomic instructions mean: RFC 9669 section 5.3, load-acquire and store-release. Whatever is fetched replaces
 * the source register (r0 for CMPXCHG) zero-extended. In an arena a bad address is reported as a write and changes
 * nothing at all, not even a load-acquire's destination, which the report even takes for the address: the exception
 * table entry knows only stores here. Recorded kernels from 7.2 on clear what would have been fetched, and report a
 * load-acquire as the read it is.
 */
import { Atomic, bytesMovedBy, type Instruction, Operation } from './instruction.ts';
import type { Step } from './meaning.ts';
import { addressingBy, keepLoaded, type MemoryContext, report, storeStep } from './memory-step.ts';
import { addressingOf } from './place.ts';

/** Undefined when the immediate or the size names no atomic operation. */
export function atomicStep(context: MemoryContext, instruction: Instruction, index: number): Step | undefined {
  const { opcode, immediate, src } = instruction;
  if (immediate === Atomic.LOAD_ACQUIRE) return loadAcquire(context, instruction, index);
  if (immediate === Atomic.STORE_RELEASE) return storeStep(context, instruction, index, src);
  return bytesMovedBy(opcode) >= 4 && OPERATIONS.has(immediate)
    ? readModifyWrite(context, instruction, index)
    : undefined;
}

const OPERATIONS: ReadonlySet<number> = new Set([
  ...[Operation.ADD, Operation.OR, Operation.AND, Operation.XOR].flatMap((operation) => [
    operation,
    operation | Atomic.FETCH,
  ]),
  Atomic.XCHG,
  Atomic.CMPXCHG,
]);

/** Works on halves; the high ones of a 32-bit operation are zero going in and zero in what is fetched. */
function readModifyWrite(context: MemoryContext, instruction: Instruction, index: number): Step {
  const { registers, port, place } = context;
  const { opcode, dst, src, offset, immediate } = instruction;
  const { signedHalves: halves } = registers;
  const size = bytesMovedBy(opcode);
  const addressing = addressingOf(opcode);
  const fetched = immediate === Atomic.CMPXCHG ? 0 : (immediate & Atomic.FETCH) !== 0 ? src : undefined;
  return () => {
    const way = addressingBy(context, addressing, dst);
    place.locate(registers, dst, offset, way);
    if (port.load(place.lo, place.hi, size, 'write') !== undefined) {
      if (way !== 'arena') return context.endAtFault(index, size, true);
      report(context, dst, offset, true);
      if (fetched !== undefined && context.clearsFaultedAtomics) registers.words[fetched] = 0n;
      if (immediate === Atomic.CMPXCHG && size === 4 && context.extendsArenaExchange) halves[1] = 0;
      return undefined;
    }
    const { lo, hi } = port;
    const withLo = halves[2 * src]!;
    const withHi = size === 8 ? halves[2 * src + 1]! : 0;
    const differs = halves[0] !== lo || (size === 8 && halves[1] !== hi);
    if (immediate === Atomic.CMPXCHG && differs) port.store(place.lo, place.hi, size, lo, hi);
    else
      port.store(
        place.lo,
        place.hi,
        size,
        lowResult(immediate, lo, withLo),
        highResult(immediate, lo, hi, withLo, withHi),
      );
    if (fetched !== undefined) {
      halves[2 * fetched] = lo;
      halves[2 * fetched + 1] = hi;
    }
    return undefined;
  };
}

function lowResult(immediate: number, old: number, operand: number): number {
  switch (immediate & ~Atomic.FETCH) {
    case Operation.ADD:
      return (old + operand) | 0;
    case Operation.OR:
      return old | operand;
    case Operation.AND:
      return old & operand;
    case Operation.XOR:
      return old ^ operand;
    default:
      return operand;
  }
}

/** Only a sum needs to know the low halves: for the carry out of them. */
function highResult(immediate: number, oldLo: number, old: number, operandLo: number, operand: number): number {
  if (immediate !== Operation.ADD && immediate !== (Operation.ADD | Atomic.FETCH))
    return lowResult(immediate, old, operand);
  const carry = ((oldLo + operandLo) | 0) >>> 0 < oldLo >>> 0 ? 1 : 0;
  return (old + operand + carry) | 0;
}

/** The base is the source register, as in a load, though the instruction is of the store class. */
function loadAcquire(context: MemoryContext, instruction: Instruction, index: number): Step {
  const { registers, port, place } = context;
  const { opcode, dst, src, offset } = instruction;
  const size = bytesMovedBy(opcode);
  const addressing = addressingOf(opcode);
  return () => {
    const way = addressingBy(context, addressing, src);
    place.locate(registers, src, offset, way);
    if (port.load(place.lo, place.hi, size) === undefined) {
      keepLoaded(context, dst, size, false);
      return undefined;
    }
    if (way !== 'arena') return context.endAtFault(index, size, false);
    if (context.clearsFaultedAtomics) {
      report(context, src, offset, false);
      registers.words[dst] = 0n;
    } else report(context, dst, offset, true);
    return undefined;
  };
}
