/**
 * Pages and addresses. A byte address is an unsigned 64-bit bigint (what people read); a page number is the address
 * shifted right by 12: 52 bits, exact in a number, and what the model computes with.
 */
export const PAGE_SHIFT = 12;
export const PAGE_SIZE = 4096;
/** Base pages in a 2 MiB leaf. */
export const PAGES_PER_2M = 512;
export const SIZE_2M = PAGES_PER_2M * PAGE_SIZE;

/** The number of the page that holds the address. */
export const pageOf = (address: bigint): number => Number(address >> 12n);

/** The address of a byte in a page. */
export const addressOf = (page: number, offset = 0): bigint => (BigInt(page) << 12n) + BigInt(offset);

/** How many whole pages hold `bytes` bytes. */
export const pagesFor = (bytes: number): number => Math.ceil(bytes / PAGE_SIZE);
