/**
 * Atomic instructions (arch/x86/net/bpf_jit_comp.c:emit_atomic_rmw() and its neighbours; RFC 9669 section 5.3).
 * Loads with acquire and stores with release order are plain loads and stores on x86 and are not handled here.
 */
import { Atomic, Operation, Size } from '../instruction.ts';
import { arithmeticOpcode } from './alu.ts';
import type { Emitter } from './emitter.ts';
import { emitLoad } from './memory.ts';
import { R10, R11, RAX } from './registers.ts';

/** One read-modify-write: what to do, where, and the register operand. */
export interface AtomicAccess {
  readonly kind: number;
  readonly size: number;
  readonly base: number;
  readonly register: number;
  readonly offset: number;
  readonly arena: boolean;
}

/** Whether x86 has no single instruction that also returns the old value, so that a loop is needed. */
export const needsLoop = (kind: number): boolean =>
  kind === (Operation.AND | Atomic.FETCH) ||
  kind === (Operation.OR | Atomic.FETCH) ||
  kind === (Operation.XOR | Atomic.FETCH);

/** A single locked instruction. False when the kind is unknown. */
export function emitLocked(e: Emitter, access: AtomicAccess, lockExchange: boolean): boolean {
  const opcode = lockedOpcode(access.kind);
  if (opcode === undefined) return false;
  if (access.kind !== Atomic.XCHG || lockExchange) e.byte(0xf0);
  const wide = access.size === Size.DW;
  if (access.arena) e.onArena(wide, opcode, access.base, access.register, access.offset);
  else e.onMemory(wide, opcode, access.base, access.register, access.offset);
  return true;
}

/**
 * fetch-and, fetch-or, fetch-xor: load, compute in r11, compare and exchange until nobody came in between. rax belongs to
 * cmpxchg, so r0 moves to r10 meanwhile, and `operand` says that an operand that is r0 is found there; an old value fetched
 * into r0 thus returns to rax through r10.
 */
export function emitFetchLoop(e: Emitter, access: AtomicAccess, operand: (register: number) => number): void {
  const { kind, size, offset } = access;
  const wide = size === Size.DW;
  const register = operand(access.register);
  const base = operand(access.base);
  e.move(true, R10, RAX);
  const again = e.length;
  emitLoad(e, size, false, base, RAX, offset);
  e.move(wide, R11, RAX);
  e.onRegisters(wide, arithmeticOpcode(kind & ~Atomic.FETCH), R11, register);
  emitLocked(e, { kind: Atomic.CMPXCHG, size, base, register: R11, offset, arena: false }, true);
  e.sequence(0x75, (again - e.length - 2) & 0xff);
  e.move(wide, register, RAX);
  e.move(true, RAX, R10);
}

function lockedOpcode(kind: number): number | undefined {
  switch (kind) {
    case Operation.ADD:
    case Operation.OR:
    case Operation.AND:
    case Operation.XOR:
      return arithmeticOpcode(kind);
    case Operation.ADD | Atomic.FETCH:
      return 0x0fc1;
    case Atomic.XCHG:
      return 0x87;
    case Atomic.CMPXCHG:
      return 0x0fb1;
    default:
      return undefined;
  }
}
