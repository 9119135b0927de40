import { highHalf, joinHalves, lowHalf } from '../machine/cpu/register-file.ts';
import { Class, InternalMode } from './instruction.ts';
import type { BpfRegisters } from './registers.ts';

/**
 * Which of three kinds of address an instruction has: one it must be able to use, one of a kernel object that may be
 * gone, or one in the program's arena. The verifier marks the last two in the instruction's mode.
 */
export type Addressing = 'plain' | 'probe' | 'arena';

export function addressingOf(opcode: number): Addressing {
  const mode = opcode & 0xe0;
  const isLoad = (opcode & 7) === Class.LDX;
  if (mode === InternalMode.PROBE_MEM32 || mode === InternalMode.PROBE_ATOMIC) return 'arena';
  if (isLoad && mode === InternalMode.PROBE_MEM32SX) return 'arena';
  return isLoad && (mode === InternalMode.PROBE_MEM || mode === InternalMode.PROBE_MEMSX) ? 'probe' : 'plain';
}

/** The address an instruction names, worked out anew each time, as signed halves. */
export class Place {
  lo = 0;
  hi = 0;
  #arenaLo = 0;
  #arenaHi = 0;

  /** The kernel address of the arena byte whose pointer has a low half of zero. */
  set arenaStart(address: bigint) {
    this.#arenaLo = lowHalf(address);
    this.#arenaHi = highHalf(address);
  }

  /** base + offset. An arena pointer counts by its low half only, and the sum of that and the offset does not wrap. */
  locate({ signedHalves }: BpfRegisters, base: number, offset: number, addressing: Addressing): void {
    this.lo = signedHalves[2 * base]!;
    this.hi = addressing === 'arena' ? 0 : signedHalves[2 * base + 1]!;
    if (addressing === 'arena') this.#add(this.#arenaLo, this.#arenaHi);
    this.#add(offset, offset >> 31);
  }

  #add(lo: number, hi: number): void {
    const sum = (this.lo + lo) | 0;
    this.hi = (this.hi + hi + (sum >>> 0 < lo >>> 0 ? 1 : 0)) | 0;
    this.lo = sum;
  }

  get address(): bigint {
    return joinHalves(this.lo, this.hi);
  }

  /**
   * Whether a probing load never touches the address: user space with a page behind it, and from the vsyscall page to
   * the end. These are the bounds of a machine with four levels of page tables (TASK_SIZE_MAX + PAGE_SIZE is 2^47 there).
   */
  get isProbeForbidden(): boolean {
    const upper = this.hi >>> 0;
    if (upper < 0x8000 || (upper === 0x8000 && this.lo === 0)) return true;
    return upper === 0xffff_ffff && this.lo >>> 0 >= 0xff60_0000;
  }
}
