import type { Errno } from '../kernel/errno.ts';
import { LARGEST_ARENA } from './arena-address.ts';

export const BPF_F_MMAPABLE = 0x400;
export const BPF_F_SEGV_ON_FAULT = 0x2_0000;
export const BPF_F_NO_USER_CONV = 0x4_0000;
const ALLOWED_FLAGS = BPF_F_MMAPABLE | BPF_F_SEGV_ON_FAULT | BPF_F_NO_USER_CONV;

/** The attributes of BPF_MAP_CREATE that an arena looks at. Sizes and counts are u32, `mapExtra` is u64. */
export interface ArenaAttributes {
  readonly flags: number;
  readonly maxEntries: number;
  readonly mapExtra: bigint;
  readonly keySize: number;
  readonly valueSize: number;
}

/**
 * What is wrong with the attributes, in the order of map_create() and arena_map_alloc(). The generic checks of flags
 * (BPF_F_TOKEN_FD without a token, both BPF_F_RDONLY and BPF_F_WRONLY) answer EINVAL before, and the arena's own test of
 * its flags answers the same: one test stands for both.
 */
export function refuseAttributes(attributes: ArenaAttributes): Errno | undefined {
  const { flags, maxEntries, mapExtra, keySize, valueSize } = attributes;
  if (keySize !== 0 || valueSize !== 0 || maxEntries === 0) return '-EINVAL';
  if ((flags & BPF_F_MMAPABLE) === 0 || (flags & ~ALLOWED_FLAGS) !== 0) return '-EINVAL';
  if ((mapExtra & 0xfffn) !== 0n) return '-EINVAL';
  if (maxEntries * 4096 > LARGEST_ARENA) return '-E2BIG';
  const last = BigInt.asUintN(64, mapExtra + BigInt(maxEntries) * 4096n - 1n);
  return mapExtra >> 32n === last >> 32n ? undefined : '-ERANGE';
}
