/**
 * The arithmetic of arena addresses. An arena's user range never crosses a multiple of 4 GiB, so the low 32 bits of an
 * address name a page both for user space and in the kernel's window of 4 GiB:
 *
 *   area base                kern_vm_start                                          + 4 GiB
 *   ├── half guard (32 KiB) ─┼──────────── page of user address U at (u32)U ────────┼── half guard ──┤ vmalloc guard page
 *
 * A load or store adds its signed 16-bit offset after the 32-bit pointer was extended, hence the guards.
 */
export const SLOTS_PER_WINDOW = 2 ** 20;
/** 4 GiB, the largest arena. */
export const LARGEST_ARENA = 2 ** 32;

/** Bytes of guard space, half of it on each side: room for a signed 16-bit offset, in whole pages on each side. */
export function guardBytes(pageSize: number): number {
  const step = 2 * pageSize;
  return Math.ceil(2 ** 16 / step) * step;
}

/** Bytes of the kernel's virtual area, without vmalloc's own guard page. */
export const windowBytes = (pageSize: number): number => LARGEST_ARENA + guardBytes(pageSize);

/** Pages of half a guard, for 4 KiB pages. */
export const HALF_GUARD_PAGES = guardBytes(4096) / 2 / 4096;

/** The low 32 bits of an address or register. */
export const low32 = (value: bigint): number => Number(BigInt.asUintN(32, value));

/** clear_lo32() */
export const high32 = (value: bigint): bigint => (value >> 32n) << 32n;

/**
 * compute_pgoff(): the slot of an address, modulo 2^32 bytes and so without any regard to where the arena ends. `pageShift` is
 * PAGE_SHIFT: 12 on x86-64, up to 16 elsewhere.
 */
export const slotOf = (address32: number, start32: number, pageShift = 12): number =>
  ((address32 - start32) >>> 0) >>> pageShift;

/** Where in the window the page of a slot lies. */
export const windowIndexOf = (slot: number, start32: number): number => (slot + (start32 >>> 12)) % SLOTS_PER_WINDOW;

/**
 * What the x86-64 JIT makes of a cast to user space: only the low half decides what is NULL (facts D2, L7). The upper half
 * of the base is an immediate that `or` extends by its sign: for a base in the upper half of all addresses, which nobody can
 * map, the low half of every cast becomes ones (seen on 6.18.44).
 */
export function castToUser(value: bigint, userStart: bigint, convert: boolean): bigint {
  const low = BigInt.asUintN(32, value);
  if (!convert) return low;
  if (userStart >> 63n === 1n) return high32(userStart) | 0xffff_ffffn;
  return low === 0n ? low : high32(userStart) | low;
}

/** A cast to kernel space is a 32-bit move. */
export const castToKernel = (value: bigint): bigint => BigInt.asUintN(32, value);
