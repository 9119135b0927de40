import { PAGE_SIZE } from '../../base/page.ts';
import { roundDown, roundUp } from '../../base/word.ts';

/**
 * The arithmetic around a program's machine code (kernel/bpf/core.c and include/linux/filter.h):
 *
 *   header        start      image                          padding
 *  ├── 8 bytes ──┼── traps ──┼── machine code, tables ──────┼── traps ──┤  size: a multiple of 64 (of 4096 before 5.18)
 *
 * The header holds its allocation's size in its first four bytes. The start is random, so that nobody can guess where a
 * sprayed constant lands; at least 16 trap bytes (128 before 5.18) are there to be divided between both sides.
 */
export const HEADER_BYTES = 8;

/** BPF_PROG_CHUNK_SIZE. */
export const CHUNK_BYTES = 64;

/** Chunks that hold `bytes` bytes: BPF_PROG_SIZE_TO_NBITS(). */
export const chunksFor = (bytes: number): number => Math.ceil(bytes / CHUNK_BYTES);

/** How an allocator lays out a program. */
export interface BinaryLayout {
  /** Trap bytes a program is guaranteed. */
  readonly padding: number;
  /** What the whole is rounded up to, and what masks a function's address back to its header. */
  readonly unit: number;
}

/** Slices of packs: bpf_jit_binary_pack_alloc(). */
export const PACKED: BinaryLayout = { padding: 16, unit: CHUNK_BYTES };

/** Pages of the program's own: bpf_jit_binary_alloc(). */
export const PAGED: BinaryLayout = { padding: 128, unit: PAGE_SIZE };

/** The size of the allocation for `length` bytes of image, in bytes. */
export const binarySize = (length: number, { padding, unit }: BinaryLayout): number =>
  roundUp(length + HEADER_BYTES + padding, unit);

/** How many places the image's start is drawn from, before alignment: with 64-byte units always 16 to 56. */
export const startHole = (size: number, length: number, { unit }: BinaryLayout): number =>
  Math.min(size - (length + HEADER_BYTES), unit - HEADER_BYTES);

/** Where the image begins, in bytes after the header, for a number that the random generator gave. */
export const startOffset = (random: number, hole: number, align: number): number => roundDown(random % hole, align);
