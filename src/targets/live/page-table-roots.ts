import { randomBytes } from 'node:crypto';
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import type { BtfLookup } from './btf-lookup.ts';
import { available, type Facility, notPermitted, notSupported } from './facility.ts';
import type { KernelMemory } from './kernel-memory.ts';
import type { Libc } from './libc.ts';

/**
 * Where the page tables of the running kernel begin, found without data symbols (init_mm and page_offset_base are not in
 * /proc/kallsyms of an ordinary build, and both are random under KASLR):
 *
 * - the top table is that of our own process, task_struct.mm -> mm_struct.pgd; its upper half is the kernel's;
 * - a page of ours holds a random word, /proc/self/pagemap tells its frame, and the direct map begins where that word is found
 *   at the frame's place. It begins at a multiple of 1 GiB and holds the top table itself, which bounds the search.
 */
export interface PageTableRoots {
  /** The kernel address of the top table. */
  readonly top: bigint;
  /** What the kernel calls page_offset_base: where frame 0 would be mapped. */
  readonly directMap: bigint;
  readonly levels: 4 | 5;
  /** Bits of a physical address; higher bits of an entry are flags (memory encryption takes its bit from the address). */
  readonly physicalBits: number;
}

export function findRoots(libc: Libc, memory: KernelMemory, btf: BtfLookup): Facility<PageTableRoots> {
  const top = topTable(memory, btf);
  if (top === undefined) {
    return notSupported('the top table cannot be found from the current task', 'report the version of this kernel');
  }
  const mark = libc.allocate(4096);
  try {
    mark.words[MARK_WORD] = randomBytes(8).readBigUInt64LE();
    const frame = frameOf(mark.address);
    if (frame === 0n) {
      return notPermitted('/proc/self/pagemap hides frame numbers', 'run as root, or with CAP_SYS_ADMIN as well');
    }
    const place = (frame << 12n) + BigInt(8 * MARK_WORD);
    const directMap = findDirectMap(memory, top, place, mark.words[MARK_WORD]!);
    if (directMap === undefined) {
      return notSupported('a frame of ours is not found in the direct map', 'report the version of this kernel');
    }
    // With five levels the direct map lies below everything that four levels can address.
    const levels = directMap < LOWEST_OF_FOUR_LEVELS ? 5 : 4;
    return available({ top, directMap, levels, physicalBits: physicalBits() });
  } finally {
    libc.munmap(mark.address, 4096);
  }
}

function topTable(memory: KernelMemory, btf: BtfLookup): bigint | undefined {
  const mm = btf.offsetOf('task_struct', 'mm');
  const pgd = btf.offsetOf('mm_struct', 'pgd');
  if (mm === undefined || pgd === undefined) return undefined;
  const space = memory.word(memory.currentTask + BigInt(mm));
  return space === undefined ? undefined : memory.word(space + BigInt(pgd));
}

function findDirectMap(memory: KernelMemory, top: bigint, place: bigint, mark: bigint): bigint | undefined {
  let base = top & ~(GIGABYTE - 1n);
  for (let tries = 0; tries < MOST_TRIES; tries++, base -= GIGABYTE) {
    if (memory.word(base + place) === mark) return base;
  }
  return undefined;
}

/** The frame behind an address of this process (Documentation/admin-guide/mm/pagemap.rst), 0 where it is hidden. */
function frameOf(address: number): bigint {
  const entry = Buffer.alloc(8);
  const file = openSync('/proc/self/pagemap', 'r');
  try {
    readSync(file, entry, 0, 8, (address / 4096) * 8);
  } finally {
    closeSync(file);
  }
  return BigInt.asUintN(55, entry.readBigUInt64LE());
}

/** As the kernel tells it, bits taken by memory encryption already subtracted. 52 is the most that an entry can hold. */
function physicalBits(): number {
  const told = /^address sizes\s*: (\d+) bits physical/m.exec(readFileSync('/proc/cpuinfo', 'latin1'));
  return told === null ? 52 : Number(told[1]);
}

const MARK_WORD = 7;
const GIGABYTE = 1n << 30n;
/** 64 TiB: the most memory that four levels can map directly. */
const MOST_TRIES = 65536;
const LOWEST_OF_FOUR_LEVELS = 0xffff_8000_0000_0000n;
