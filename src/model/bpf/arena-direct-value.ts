import type { Errno } from '../kernel/errno.ts';
import type { Arena } from './arena.ts';

/** BPF_MAX_VAR_OFF: until 7.0 the verifier refused larger offsets for every kind of map (12a1fe6e12db lifted it). */
const LARGEST_OFFSET = 2 ** 29;

/**
 * ld_imm64 with BPF_PSEUDO_MAP_VALUE: the address of a byte of the arena, as the verifier puts it into the program. The arena
 * must have an address by then, and the byte lie in its user range: to 7.0 one past the end passed too (F22).
 */
export function directValueAddress(arena: Arena, offset: number): bigint | Errno {
  const { profile } = arena.surroundings;
  if (arena.userStart === 0n) return '-EINVAL';
  if (profile.directOffsets === 'below-512-mib' && offset >= LARGEST_OFFSET) return '-EINVAL';
  const size = arena.userPages * 4096;
  const inside = profile.directValue === 'inside' ? offset < size : offset <= size;
  return inside ? arena.userStart + BigInt(offset) : '-ERANGE';
}
