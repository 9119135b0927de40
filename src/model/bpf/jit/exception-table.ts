/**
 * The exception table: which instructions may fault, and what the handler does then (struct exception_table_entry with
 * EX_TYPE_BPF; arch/x86/net/bpf_jit_comp.c:ex_handler_bpf()). It always skips the instruction; usually it also zeroes the
 * destination, and it may report an arena fault.
 *
 *    word 0   address of the instruction, relative to this word
 *    word 1   ┌31──────┬─────────────┬23───────────┬15─────────────┬7──────────┐
 *             │ report │             │ address reg │ cleared reg   │ length    │
 *             └────────┴─────────────┴─────────────┴───────────────┴───────────┘
 *    word 2   ┌31───────────────────────┬15─────────────────────────┐
 *             │ offset of the access    │ 7 = EX_TYPE_BPF           │
 *             └─────────────────────────┴───────────────────────────┘
 * Registers are named by their offset in struct pt_regs; 1, which is no register's offset, clears nothing.
 */
import { roundUp } from '../../../base/word.ts';
import type { ArenaFixup } from './profile.ts';
import type { FaultSite } from './program.ts';
import { PT_REGS_OFFSET } from './registers.ts';

/** Bytes of one entry. */
export const ENTRY_BYTES = 12;

const EX_TYPE_BPF = 7;
const CLEAR_NOTHING = 1;
const REPORT = 1 << 31;

/** The entry of a probing load. */
export function probeFault(offset: number, length: number, to: number): FaultSite {
  return { offset, length, fixup: length | (PT_REGS_OFFSET[to]! << 8), data: EX_TYPE_BPF };
}

/** The entry of an arena access. `clear` is the register to zero, if any; `base` held the address, `displacement` was added. */
export function arenaFault(
  offset: number,
  length: number,
  access: { readonly clear: number | undefined; readonly base: number; readonly displacement: number },
  kind: ArenaFixup,
): FaultSite {
  const cleared = access.clear === undefined ? CLEAR_NOTHING : PT_REGS_OFFSET[access.clear]!;
  const fixup = length | (cleared << 8);
  if (kind === 'register') return { offset, length, fixup, data: EX_TYPE_BPF };
  return {
    offset,
    length,
    fixup: fixup | (PT_REGS_OFFSET[access.base]! << 16) | REPORT,
    data: EX_TYPE_BPF | (access.displacement << 16),
  };
}

/** The table as it stands in memory behind `codeLength` bytes of code. */
export function exceptionTableBytes(faults: readonly FaultSite[], codeLength: number): Uint8Array {
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
