/**
 * What the atomic instructions mean: RFC 9669 section 5.3, load-acquire and store-release. Whatever is fetched replaces
 * the source register (r0 for CMPXCHG) zero-extended. In an arena a bad address is reported as a write and changes
 * nothing at all, not even a load-acquire's destination: its exception table entry says so (a bug of 6.18 the recorded
 * kernels show; kernels from 7.2 on clear the destination).
 */
import { u32, u64 } from '../../base/word.ts';
import { highHalf, joinHalves, lowHalf } from '../machine/cpu/register-file.ts';
import { ALU, ATOMIC, type Instruction, sizeOf } from './encoding.ts';
import type { Step } from './meaning.ts';
import { addressingOf, addressOf, keepLoaded, type MemoryContext, report } from './memory-step.ts';

/** Undefined when the immediate or the size names no atomic operation. */
export function atomicStep(context: MemoryContext, instruction: Instruction, index: number): Step | undefined {
  const { opcode, imm } = instruction;
  if (imm === ATOMIC.LOAD_ACQUIRE) return loadAcquire(context, instruction, index);
  if (imm === ATOMIC.STORE_RELEASE) return storeRelease(context, instruction, index);
  const combine = COMBINE[imm & ~ATOMIC.FETCH];
  const known = combine !== undefined || imm === ATOMIC.CMPXCHG || imm === ATOMIC.XCHG;
  return known && sizeOf(opcode) >= 4 ? readModifyWrite(context, instruction, index) : undefined;
}

const COMBINE: { readonly [operation: number]: (old: bigint, operand: bigint) => bigint } = {
  [ALU.ADD]: (old, operand) => old + operand,
  [ALU.OR]: (old, operand) => old | operand,
  [ALU.AND]: (old, operand) => old & operand,
  [ALU.XOR]: (old, operand) => old ^ operand,
};

function readModifyWrite(context: MemoryContext, instruction: Instruction, index: number): Step {
  const { words } = context.registers;
  const { opcode, dst, src, offset, imm } = instruction;
  const size = sizeOf(opcode);
  const narrow = size === 4 ? u32 : u64;
  const combine = COMBINE[imm & ~ATOMIC.FETCH];
  return () => {
    const found = reach(context, instruction, index, 'write');
    if (typeof found !== 'bigint') return found.next;
    const operand = narrow(words[src]!);
    const matches = imm !== ATOMIC.CMPXCHG || narrow(words[0]!) === found;
    const stored = combine === undefined ? operand : combine(found, operand);
    const address = addressOf(context, dst, offset, addressingOf(opcode));
    const value = matches ? stored : found;
    context.port.store(lowHalf(address), highHalf(address), size, lowHalf(value), highHalf(value));
    if (imm === ATOMIC.CMPXCHG) words[0] = found;
    else if ((imm & ATOMIC.FETCH) !== 0) words[src] = found;
  };
}

function storeRelease(context: MemoryContext, instruction: Instruction, index: number): Step {
  const { opcode, dst, src, offset } = instruction;
  const size = sizeOf(opcode);
  const addressing = addressingOf(opcode);
  const { signedHalves: halves, words } = context.registers;
  return () => {
    const address = addressOf(context, dst, offset, addressing);
    const [lo, hi] = [lowHalf(address), highHalf(address)];
    if (context.port.store(lo, hi, size, halves[2 * src]!, halves[2 * src + 1]!) === undefined) return undefined;
    if (addressing !== 'arena') return context.endAtFault(index, address, size, true);
    report(context, words[dst]!, offset, true);
    return undefined;
  };
}

/** The base is the source register, but a fault is laid to the destination, which the kernel takes for the base. */
function loadAcquire(context: MemoryContext, instruction: Instruction, index: number): Step {
  const { opcode, dst, src, offset } = instruction;
  const size = sizeOf(opcode);
  const addressing = addressingOf(opcode);
  const { registers, port } = context;
  return () => {
    const address = addressOf(context, src, offset, addressing);
    if (port.load(lowHalf(address), highHalf(address), size) === undefined) {
      keepLoaded(registers, port, dst, size, false);
      return undefined;
    }
    if (addressing !== 'arena') return context.endAtFault(index, address, size, false);
    report(context, registers.words[dst]!, offset, true);
    return undefined;
  };
}

/** The old value, or where to go on when there is none to be had. */
function reach(
  context: MemoryContext,
  { opcode, dst, offset }: Instruction,
  index: number,
  access: 'write',
): bigint | { readonly next: number | undefined } {
  const size = sizeOf(opcode);
  const addressing = addressingOf(opcode);
  const address = addressOf(context, dst, offset, addressing);
  const { port } = context;
  if (port.load(lowHalf(address), highHalf(address), size, access) === undefined) return joinHalves(port.lo, port.hi);
  if (addressing !== 'arena') return { next: context.endAtFault(index, address, size, true) };
  report(context, context.registers.words[dst]!, offset, true);
  return { next: undefined };
}
