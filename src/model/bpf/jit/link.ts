/**
 * Fills in where a program's own functions are (kernel/bpf/verifier.c:jit_subprogs()): a call has its distance from
 * __bpf_call_base, a wide load the address itself.
 */
import { LD_IMM64 } from '../instruction.ts';
import type { KernelAddress } from './machine.ts';
import type { FunctionLink } from './program.ts';

/** Writes into the words of one function; `entry` gives the entry of a callee by its index in the program. */
export function link(
  words: Int32Array,
  links: readonly FunctionLink[],
  callBase: KernelAddress,
  entry: (callee: number) => KernelAddress,
): void {
  for (const { slot, callee } of links) {
    if ((words[2 * slot]! & 0xff) === LD_IMM64) linkLoad(words, slot, entry(callee));
    else words[2 * slot + 1] = entry(callee) - callBase;
  }
}

/**
 * Before any function has a place: calls get some distance, since all are five bytes long, and loads get MODULES_VADDR, so
 * that a constant whose length depends on its value already has the final one.
 */
export function linkStandIns(words: Int32Array, links: readonly FunctionLink[]): void {
  for (const { slot } of links) {
    if ((words[2 * slot]! & 0xff) === LD_IMM64) linkLoad(words, slot, MODULES_START);
    else words[2 * slot + 1] = 1;
  }
}

/** 0xffffffffc0000000 */
const MODULES_START: KernelAddress = -0x40000000;

function linkLoad(words: Int32Array, slot: number, address: KernelAddress): void {
  words[2 * slot + 1] = address | 0;
  words[2 * slot + 3] = Math.floor(address / 2 ** 32);
}
