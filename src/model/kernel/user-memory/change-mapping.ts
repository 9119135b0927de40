import { pageOf } from '../../../base/page.ts';
import { u64 } from '../../../base/word.ts';
import type { Errno } from '../errno.ts';
import { type Process, TASK_PAGES } from './process.ts';
import type { VmArea } from './vm-area.ts';

const TASK_SIZE = BigInt(TASK_PAGES) << 12n;
const isAligned = (address: bigint): boolean => (address & 0xfffn) === 0n;
/** PAGE_ALIGN() of a 64-bit length, in bytes; it wraps. */
const alignUp = (length: bigint): bigint => u64(length + 0xfffn) & ~0xfffn;

/** munmap(2): mm/vma.c:do_vmi_munmap(). Undefined when it succeeded, also when nothing was mapped there. */
export function unmapMemory(process: Process, address: bigint, length: bigint): Errno | undefined {
  if (!isAligned(address) || address > TASK_SIZE || length > TASK_SIZE - address) return '-EINVAL';
  const end = address + alignUp(length);
  if (end === address) return '-EINVAL';
  const removed = removePages(process, pageOf(address), pageOf(end));
  if (typeof removed === 'string') return removed;
  for (const area of removed) process.surroundings.areaCache.free(area);
  return undefined;
}

/**
 * Takes the pages [first, end) out of the address space. Areas that reach out are split first: the new object is the part
 * outside, so the one that goes away is always the old one. The caller frees the removed objects.
 */
export function removePages(process: Process, first: number, end: number): readonly VmArea[] | Errno {
  const lowest = process.areaIn(first, end);
  if (lowest === undefined) return [];
  if (lowest.first < first) {
    if (!mayBeSplit(lowest)) return '-EINVAL';
    process.split(lowest, first, 'lower');
  }
  const highest = process.areaAt(end - 1);
  if (highest !== undefined && highest.end > end) {
    if (!mayBeSplit(highest)) return '-EINVAL';
    process.split(highest, end, 'upper');
  }
  const removed = process.areas.filter((area) => area.first >= first && area.end <= end);
  for (const area of removed) process.remove(area);
  return removed;
}

/** mprotect(2): mm/mprotect.c:do_mprotect_pkey(). Areas before the one that refuses keep their new rights. */
export function protectMemory(process: Process, address: bigint, length: bigint, rights: number): Errno | undefined {
  if (!isAligned(address)) return '-EINVAL';
  if (length === 0n) return undefined;
  const end = u64(address + alignUp(length));
  if (end <= address) return '-ENOMEM';
  if (rights > 7) return '-EINVAL';
  const last = pageOf(end);
  for (let page = pageOf(address); page < last; ) {
    const area = process.areaAt(page);
    if (area === undefined) return '-ENOMEM';
    if ((rights & ~area.mayRights) !== 0) return '-EACCES';
    const until = Math.min(area.end, last);
    const refused = protectPart(area, page, until, rights);
    if (refused !== undefined) return refused;
    page = until;
  }
  return undefined;
}

/** mprotect_fixup(): nothing to do where the rights stay; otherwise the part gets an area of its own. */
function protectPart(area: VmArea, first: number, end: number, rights: number): Errno | undefined {
  if (area.rights === rights) return undefined;
  const { process } = area;
  if (area.first < first) {
    if (!mayBeSplit(area)) return '-EINVAL';
    process.split(area, first, 'lower');
  }
  if (area.end > end) {
    if (!mayBeSplit(area)) return '-EINVAL';
    process.split(area, end, 'upper');
  }
  area.change({ rights });
  process.protect(first, end, rights);
  return undefined;
}

const MREMAP_MAYMOVE = 1;
const MREMAP_FIXED = 2;
const MREMAP_DONTUNMAP = 4;

/** The arguments of mremap(2). */
export interface MremapArguments {
  readonly address: bigint;
  readonly oldLength: bigint;
  readonly newLength: bigint;
  readonly flags: number;
  readonly newAddress: bigint;
}

/**
 * mremap(2): mm/mremap.c. An area that may not grow (every arena's) can only shrink in place: a move asks the file for
 * an address, and an arena's file knows one only.
 */
export function remapMemory(process: Process, request: MremapArguments): bigint | Errno {
  const { address, flags } = request;
  const oldLength = alignUp(request.oldLength);
  const newLength = alignUp(request.newLength);
  const moves = (flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) !== 0;
  if ((flags & ~(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP)) !== 0) return '-EINVAL';
  if (moves && (flags & MREMAP_MAYMOVE) === 0) return '-EINVAL';
  if ((flags & MREMAP_DONTUNMAP) !== 0 && oldLength !== newLength) return '-EINVAL';
  if (!isAligned(address) || newLength === 0n) return '-EINVAL';
  const area = address < TASK_SIZE ? process.areaAt(pageOf(address)) : undefined;
  if (area === undefined) return '-EFAULT';
  // mm/mremap.c:remap_move(): a file that chooses addresses itself is not moved together with what lies behind it.
  const onlyMoves = (flags & MREMAP_FIXED) !== 0 && oldLength === newLength && process.surroundings.movesManyAreas;
  if (onlyMoves && oldLength > BigInt(area.end - pageOf(address)) << 12n) return '-EFAULT';
  if (moves) return moveArea(area, request, oldLength, newLength);
  if (oldLength >= newLength) {
    const tail = oldLength > newLength ? unmapMemory(process, address + newLength, oldLength - newLength) : undefined;
    return tail ?? address;
  }
  const endsInside = oldLength <= BigInt(area.end - pageOf(address)) << 12n;
  return !endsInside || area.dontExpand ? '-EFAULT' : '-ENOMEM';
}

/**
 * mremap_to(), for MREMAP_FIXED and MREMAP_DONTUNMAP: the destination is unmapped first, then the tail; at last the file
 * is asked for the new address, and an arena's has only one to give. Moves that succeed are left out: nothing else maps.
 */
function moveArea(area: VmArea, request: MremapArguments, oldLength: bigint, newLength: bigint): Errno {
  const { process } = area;
  const { address, newAddress } = request;
  const fixed = (request.flags & MREMAP_FIXED) !== 0;
  if (fixed) {
    if (!isAligned(newAddress) || newLength > TASK_SIZE || newAddress > TASK_SIZE - newLength) return '-EINVAL';
    if (address + oldLength > newAddress && newAddress + newLength > address) return '-EINVAL';
    const busy = unmapMemory(process, newAddress, newLength);
    if (busy !== undefined) return busy;
  }
  if (oldLength > newLength) {
    const refused = unmapMemory(process, address + newLength, oldLength - newLength);
    if (refused !== undefined) return refused;
  }
  if ((request.flags & MREMAP_DONTUNMAP) !== 0 && area.dontExpand) return '-EINVAL';
  const kept = oldLength < newLength ? oldLength : newLength;
  if (kept > BigInt(area.end - pageOf(address)) << 12n) return '-EFAULT';
  if (newLength > oldLength && area.dontExpand) return '-EFAULT';
  const wanted = { address: fixed ? newAddress : 0n, pageCount: pageOf(newLength), filePage: area.filePage, fixed };
  const answer = area.file?.unmappedArea({ process, ...wanted });
  return typeof answer === 'string' ? answer : '-EINVAL';
}

/** vm_ops->may_split, where there is one. */
function mayBeSplit(area: VmArea): boolean {
  return area.operations?.maySplit(area) ?? true;
}
