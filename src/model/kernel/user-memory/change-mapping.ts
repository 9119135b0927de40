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
  if (!isAligned(address) || address > TASK_SIZE || length > TASK_SIZE - address) return 'EINVAL';
  const end = address + alignUp(length);
  if (end === address) return 'EINVAL';
  return unmapPages(process, pageOf(address), pageOf(end));
}

/**
 * Unmaps the pages [first, end). Areas that reach out are split first: the new object is the part outside, so the one
 * that goes away is always the old one.
 */
export function unmapPages(process: Process, first: number, end: number): Errno | undefined {
  const lowest = process.areaIn(first, end);
  if (lowest === undefined) return undefined;
  if (lowest.first < first) {
    if (!mayBeSplit(lowest)) return 'EINVAL';
    process.split(lowest, first, 'lower');
  }
  const highest = process.areaAt(end - 1);
  if (highest !== undefined && highest.end > end) {
    if (!mayBeSplit(highest)) return 'EINVAL';
    process.split(highest, end, 'upper');
  }
  for (const area of process.areas.filter((area) => area.first >= first && area.end <= end)) process.remove(area);
  return undefined;
}

/** mprotect(2): mm/mprotect.c:do_mprotect_pkey(). Areas before the one that refuses keep their new rights. */
export function protectMemory(process: Process, address: bigint, length: bigint, rights: number): Errno | undefined {
  if (!isAligned(address)) return 'EINVAL';
  if (length === 0n) return undefined;
  const end = u64(address + alignUp(length));
  if (end <= address) return 'ENOMEM';
  if (rights > 7) return 'EINVAL';
  const last = pageOf(end);
  for (let page = pageOf(address); page < last; ) {
    const area = process.areaAt(page);
    if (area === undefined) return 'ENOMEM';
    if ((rights & ~area.mayRights) !== 0) return 'EACCES';
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
    if (!mayBeSplit(area)) return 'EINVAL';
    process.split(area, first, 'lower');
  }
  if (area.end > end) {
    if (!mayBeSplit(area)) return 'EINVAL';
    process.split(area, end, 'upper');
  }
  area.change('rights', rights);
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
  const { address, flags, newAddress } = request;
  const oldLength = alignUp(request.oldLength);
  const newLength = alignUp(request.newLength);
  const moves = (flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) !== 0;
  if ((flags & ~(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP)) !== 0) return 'EINVAL';
  if (moves && (flags & MREMAP_MAYMOVE) === 0) return 'EINVAL';
  if ((flags & MREMAP_DONTUNMAP) !== 0 && oldLength !== newLength) return 'EINVAL';
  if (!isAligned(address) || newLength === 0n) return 'EINVAL';
  const area = address < TASK_SIZE ? process.areaAt(pageOf(address)) : undefined;
  if (area === undefined) return 'EFAULT';
  const endsInside = oldLength <= BigInt(area.end - pageOf(address)) << 12n;
  if (moves) return endsInside ? moveArea(area, request, newLength) : 'EFAULT';
  if (oldLength >= newLength) {
    const tail = unmapMemory(process, address + newLength, oldLength - newLength);
    return oldLength > newLength && tail !== undefined ? tail : address;
  }
  if (!endsInside || area.dontExpand) return 'EFAULT';
  return newAddress === 0n ? 'ENOMEM' : 'EINVAL';
}

/** MREMAP_FIXED and MREMAP_DONTUNMAP: the file is asked for the new address first. */
function moveArea(area: VmArea, { flags, newAddress }: MremapArguments, newLength: bigint): Errno {
  if ((flags & MREMAP_FIXED) !== 0 && !isAligned(newAddress)) return 'EINVAL';
  if ((flags & MREMAP_DONTUNMAP) !== 0 && area.dontExpand) return 'EINVAL';
  const fixed = (flags & MREMAP_FIXED) !== 0;
  const answer = area.file?.unmappedArea({
    process: area.process,
    address: fixed ? newAddress : 0n,
    pageCount: pageOf(newLength),
    filePage: area.filePage,
    fixed,
  });
  return typeof answer === 'string' ? answer : 'EINVAL';
}

/** vm_ops->may_split, where there is one. */
function mayBeSplit(area: VmArea): boolean {
  return area.operations?.maySplit(area) ?? true;
}
