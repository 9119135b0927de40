/**
 * The exception table: which instructions may fault, and what the handler does then (struct exception_table_entry with
 * EX_TYPE_BPF; arch/x86/net/bpf_jit_comp.c:ex_handler_bpf()). It always skips the instruction; usually it also zeroes the
 * destination, and it may report an arena fault.
 *
 *    word 0   address of the instruction, relative to this word
 *    word 1   ┌31──────┬30──────┬───┬23───────────┬15───────────┬7───────┐
 *             │ report │ write  │ 0 │ address reg │ cleared reg │ length │
 *             └────────┴────────┴───┴─────────────┴─────────────┴────────┘
 *    word 2   ┌31───────────────────────┬15─────────────────────────┐
 *             │ offset of the access    │ 7 = EX_TYPE_BPF           │
 *             └─────────────────────────┴───────────────────────────┘
 * Registers are named by their offset in struct pt_regs; 1, which is no register's offset, clears nothing.
 */
import { roundUp } from '../../../base/word.ts';
import { Atomic } from '../instruction.ts';
import type { ArenaFixup } from './profile.ts';
import type { FaultSite } from './program.ts';
import { PT_REGS_OFFSET, RAX } from './registers.ts';

/** Bytes of one entry. */
export const ENTRY_BYTES = 12;

const EX_TYPE_BPF = 7;
const CLEAR_NOTHING = 1;
const REPORT = 1 << 31;
const WRITE = 1 << 30;

/** The entry of a probing load. */
export function probeFault(offset: number, length: number, to: number): FaultSite {
  return { offset, length, fixup: length | (PT_REGS_OFFSET[to]! << 8), data: EX_TYPE_BPF };
}

/** An access inside the arena. Registers are hardware registers; `clear` is zeroed when the access faults. */
export interface ArenaAccess {
  readonly write: boolean;
  readonly clear: number | undefined;
  readonly base: number;
  readonly displacement: number;
}

/** The entry of an arena access. */
export function arenaFault(offset: number, length: number, access: ArenaAccess, fixup: ArenaFixup): FaultSite {
  const cleared = access.clear === undefined ? CLEAR_NOTHING : PT_REGS_OFFSET[access.clear]!;
  const always = length | (cleared << 8);
  if (fixup === 'register') return { offset, length, fixup: always, data: EX_TYPE_BPF };
  const write = fixup === 'report-direction' && access.write ? WRITE : 0;
  return {
    offset,
    length,
    fixup: always | (PT_REGS_OFFSET[access.base]! << 16) | write | REPORT,
    data: EX_TYPE_BPF | (access.displacement << 16),
  };
}

/**
 * What an atomic instruction does to the arena, as far as the kernel's table can tell. Kernels before 7.2 took every one for
 * a store through dst: after a faulting load-acquire the register keeps its value and the report names a wrong address.
 */
export function atomicAccess(
  kind: number,
  operands: { readonly dst: number; readonly src: number; readonly displacement: number },
  fixup: ArenaFixup,
): ArenaAccess {
  const { dst, src, displacement } = operands;
  const store = { write: true, clear: undefined, base: dst, displacement };
  if (fixup !== 'report-direction') return store;
  if (kind === Atomic.LOAD_ACQUIRE) return { write: false, clear: dst, base: src, displacement };
  if (kind === Atomic.CMPXCHG) return { ...store, clear: RAX };
  return kind !== Atomic.STORE_RELEASE && (kind & Atomic.FETCH) !== 0 ? { ...store, clear: src } : store;
}

/** The table as it stands in memory behind `codeLength` bytes of code. */
export function exceptionTableBytes(faults: readonly FaultSite[], codeLength: number): Uint8Array {
  if (faults.length === 0) return NO_ENTRIES;
  const table = new Uint8Array(faults.length * ENTRY_BYTES);
  const view = new DataView(table.buffer);
  const start = roundUp(codeLength, 4);
  faults.forEach(({ offset, fixup, data }, index) => {
    const at = index * ENTRY_BYTES;
    view.setInt32(at, offset - (start + at), true);
    view.setInt32(at + 4, fixup, true);
    view.setInt32(at + 8, data, true);
  });
  return table;
}

const NO_ENTRIES = new Uint8Array(0);
