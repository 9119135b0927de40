import type { Machine } from '../machine/machine.ts';

/** tlb_single_page_flush_ceiling: above so many pages one full flush is cheaper than one flush a page. */
export const SINGLE_PAGE_FLUSH_CEILING = 33;

/** flush_tlb_kernel_range(): every CPU forgets the pages of [first, end), or everything where they are many. */
export function flushTlbKernelRange(machine: Machine, first: number, end: number): void {
  if (end - first > SINGLE_PAGE_FLUSH_CEILING) machine.flushEverywhere();
  else machine.flushKernelRange(first, end);
}
