/**
 * One 64-bit page-table entry, as two 32-bit words so that nothing is allocated on the way (SDM vol. 3A, 5.5).
 *
 *   63 62      52 51                          32   31                  12 11   9 8 7 6 5 4 3 2 1 0
 *  ┌──┬──────────┬──────────────────────────────┬────────────────────────┬──────┬─┬─┬─┬─┬─┬─┬─┬─┬─┐
 *  │NX│ ignored  │ frame number, bits 39 to 20  │ frame number, 19 to 0  │ soft │G│S│D│A│C│T│U│W│P│
 *  └──┴──────────┴──────────────────────────────┴────────────────────────┴──────┴─┴─┴─┴─┴─┴─┴─┴─┴─┘
 *
 * The model speaks of `flags`: the low word's bits 0 to 11, with NX moved to bit 31 so that one int32 holds them all.
 */
export const PRESENT = 0x1;
export const WRITABLE = 0x2;
export const USER = 0x4;
export const ACCESSED = 0x20;
export const DIRTY = 0x40;
/** In an entry of level 2 or 3: a leaf of 2 MiB or 1 GiB. (Bit 7 is PAT in a 4 KiB leaf, which the model leaves 0.) */
export const LARGE = 0x80;
export const GLOBAL = 0x100;
/** A software bit: `_PAGE_KERNEL_4K`, set by set_memory_4k() from 6.15; such an entry is never collapsed. */
export const FORCED_4K = 0x800;
export const NO_EXECUTE = 0x8000_0000 | 0;

/** What the kernel calls PAGE_KERNEL: read-write, not executable, global, accessed and dirty from the start. */
export const KERNEL_DATA = PRESENT | WRITABLE | ACCESSED | DIRTY | GLOBAL | NO_EXECUTE;
/** PAGE_KERNEL_ROX: read-only, executable. */
export const KERNEL_ROX = PRESENT | ACCESSED | GLOBAL;
/** An entry that points to a lower table; permissions are those of the leaf alone (as the kernel keeps its own tables). */
export const KERNEL_TABLE = PRESENT | WRITABLE | ACCESSED | DIRTY;
/** A table entry of the user half. */
export const USER_TABLE = KERNEL_TABLE | USER;

const FLAGS_IN_LOW_WORD = 0xfff;

export const flagsOf = (low: number, high: number): number => (low & FLAGS_IN_LOW_WORD) | (high & NO_EXECUTE);

/** The frame number: 40 bits, exact in a number. */
export const frameOf = (low: number, high: number): number => (high & 0x000f_ffff) * 0x10_0000 + (low >>> 12);

export const lowWord = (frame: number, flags: number): number =>
  (((frame % 0x10_0000) << 12) | (flags & FLAGS_IN_LOW_WORD)) >>> 0;

export const highWord = (frame: number, flags: number): number =>
  (Math.floor(frame / 0x10_0000) | (flags & NO_EXECUTE)) >>> 0;

export const isPresent = (flags: number): boolean => (flags & PRESENT) !== 0;
export const isWritable = (flags: number): boolean => (flags & WRITABLE) !== 0;
export const isExecutable = (flags: number): boolean => (flags & NO_EXECUTE) === 0;

/** `rwx`-style letters, for evidence and reports: `-` where a right is missing, `absent` where the entry is not present. */
export function describeFlags(flags: number): string {
  if (!isPresent(flags)) return 'absent';
  return `r${isWritable(flags) ? 'w' : '-'}${isExecutable(flags) ? 'x' : '-'}`;
}
