import { PAGE_SHIFT } from '../../base/page.ts';
import { hex, u64 } from '../../base/word.ts';

/**
 * An address of kernel text: a negative number, the signed reading of the 64-bit word.
 *
 * Kernel image and modules lie in the top 2 GiB of the address space, so that a 32-bit displacement reaches all of them.
 * There the signed reading is a sign-extended 32-bit integer: exact in a number, and int32 operators such as `& ~63` do on it
 * what they do in the kernel.
 */
export type TextAddress = number;

const PAGES_IN_ADDRESS_SPACE = 2 ** 52;

/** The address of a byte in a page, or beyond it when the offset is larger than a page. */
export const textAddress = (page: number, offset = 0): TextAddress =>
  (page - PAGES_IN_ADDRESS_SPACE) * 2 ** PAGE_SHIFT + offset;

/** The number of the page that holds the address. */
export const pageOfText = (address: TextAddress): number => (address >> PAGE_SHIFT) + PAGES_IN_ADDRESS_SPACE;

/** The address as the unsigned word that people read. */
export const wordOfText = (address: TextAddress): bigint => u64(BigInt(address));

/** The address as the kernel prints it. */
export const describeText = (address: TextAddress): string => hex(wordOfText(address));
