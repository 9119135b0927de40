/**
 * 64-bit words as people read them: unsigned bigints in [0, 2^64). Arithmetic wraps as the hardware's does.
 * Hot paths (page tables, the CPU) work on 32-bit halves instead; see the README's note on speed.
 */
export const u64 = (value: bigint): bigint => BigInt.asUintN(64, value);
export const s64 = (value: bigint): bigint => BigInt.asIntN(64, value);
export const u32 = (value: bigint): bigint => BigInt.asUintN(32, value);

/** Prints a word as the kernel's %#llx does: lower-case hexadecimal with 0x, no padding. */
export const hex = (value: bigint | number): string => `0x${value.toString(16)}`;

/** The smallest multiple of `step` that is not below `value`. Both are non-negative safe integers. */
export const roundUp = (value: number, step: number): number => Math.ceil(value / step) * step;

/** The largest multiple of `step` that is not above `value`. Both are non-negative safe integers. */
export const roundDown = (value: number, step: number): number => Math.floor(value / step) * step;

export const isPowerOfTwo = (value: number): boolean => value > 0 && Number.isInteger(Math.log2(value));
