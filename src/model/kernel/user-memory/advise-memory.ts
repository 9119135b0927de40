import { pageOf } from '../../../base/page.ts';
import { u64 } from '../../../base/word.ts';
import type { Errno } from '../errno.ts';
import { type Process, TASK_PAGES } from './process.ts';
import { userPage } from './user-access.ts';
import { PROT_READ, PROT_WRITE, type VmArea } from './vm-area.ts';

const MADV_WILLNEED = 3;
const MADV_DONTNEED = 4;
const MADV_FREE = 8;
const MADV_REMOVE = 9;
const MADV_DONTFORK = 10;
const MADV_DOFORK = 11;
const MADV_POPULATE_READ = 22;
const MADV_POPULATE_WRITE = 23;

const known: ReadonlySet<number> = new Set([
  MADV_WILLNEED,
  MADV_DONTNEED,
  MADV_FREE,
  MADV_REMOVE,
  MADV_DONTFORK,
  MADV_DOFORK,
  MADV_POPULATE_READ,
  MADV_POPULATE_WRITE,
]);

/** madvise(2): mm/madvise.c:do_madvise(). Advice is given area by area; a hole is told at the end, others stop at once. */
export function adviseMemory(process: Process, address: bigint, length: bigint, advice: number): Errno | undefined {
  if (!known.has(advice) || (address & 0xfffn) !== 0n) return '-EINVAL';
  const aligned = u64(length + 0xfffn) & ~0xfffn;
  if (length !== 0n && aligned === 0n) return '-EINVAL';
  const end = u64(address + aligned);
  if (end < address) return '-EINVAL';
  if (end === address) return undefined;
  const [first, last] = [pageOf(address), pageOf(end)];
  if (advice === MADV_POPULATE_READ || advice === MADV_POPULATE_WRITE) {
    return populateFor(process, first, last, advice === MADV_POPULATE_WRITE);
  }
  let hole = false;
  for (let page = first; page < last; ) {
    const area = process.areaIn(page, last);
    if (area === undefined || area.first > page) hole = true;
    if (area === undefined) break;
    const until = Math.min(area.end, last);
    const refused = adviseArea(area, Math.max(page, area.first), until, advice);
    if (refused !== undefined) return refused;
    page = until;
  }
  return hole ? '-ENOMEM' : undefined;
}

function adviseArea(area: VmArea, first: number, end: number, advice: number): Errno | undefined {
  switch (advice) {
    case MADV_DONTNEED:
      area.process.zap(first, end);
      return undefined;
    case MADV_FREE:
      if (area.file !== undefined) return '-EINVAL';
      area.process.zap(first, end);
      return undefined;
    case MADV_REMOVE:
      return removeBacking(area);
    case MADV_DONTFORK:
      return markForFork(area, true);
    case MADV_DOFORK:
      return markForFork(area, false);
    default:
      return undefined;
  }
}

/** madvise_remove(): punching a hole needs a shared writable mapping of a regular file, which an anonymous inode is not. */
function removeBacking(area: VmArea): Errno {
  if (area.file === undefined) return '-EINVAL';
  return area.shared && (area.mayRights & PROT_WRITE) !== 0 ? '-ENODEV' : '-EACCES';
}

/** MADV_DOFORK is refused only where VM_IO is set, which an arena's area never has. A part would need a split. */
function markForFork(area: VmArea, dontCopy: boolean): undefined {
  area.change({ dontCopy });
  return undefined;
}

/** faultin_page_range(): faults in page by page and stops at the first that cannot be had. */
function populateFor(process: Process, first: number, end: number, forWrite: boolean): Errno | undefined {
  for (let page = first; page < end; page++) {
    const area = process.areaAt(page);
    if (area === undefined) return '-ENOMEM';
    if ((area.rights & (forWrite ? PROT_WRITE : PROT_READ)) === 0) return '-EINVAL';
    const answer = userPage(process, page, forWrite);
    if (answer === 'OOM') return '-ENOMEM';
    if (typeof answer === 'string') return '-EFAULT';
  }
  return undefined;
}

/** mlock(2): an area that is special is not marked, but its pages are faulted in all the same. */
export function lockMemory(process: Process, address: bigint, length: bigint): Errno | undefined {
  const range = lockRange(address, length);
  if (range === undefined) return '-EINVAL';
  if (!isMapped(process, range.first, range.end)) return '-ENOMEM';
  return populate(process, range.first, range.end) ? undefined : '-ENOMEM';
}

/** munlock(2) */
export function unlockMemory(process: Process, address: bigint, length: bigint): Errno | undefined {
  const range = lockRange(address, length);
  if (range === undefined) return '-EINVAL';
  return isMapped(process, range.first, range.end) ? undefined : '-ENOMEM';
}

/** mm_populate(): false when a page could not be had; pages before it stay. Mappings without rights are not accessible. */
export function populate(process: Process, first: number, end: number): boolean {
  for (let page = first; page < end; page++) {
    const area = process.areaAt(page);
    if (area === undefined) return true;
    if (area.rights === 0) return false;
    const forWrite = !area.shared && (area.rights & PROT_WRITE) !== 0;
    if (typeof userPage(process, page, forWrite) === 'string') return false;
  }
  return true;
}

/** The range is rounded outwards to whole pages. */
function lockRange(address: bigint, length: bigint): { readonly first: number; readonly end: number } | undefined {
  const aligned = u64(length + (address & 0xfffn) + 0xfffn) & ~0xfffn;
  const start = address & ~0xfffn;
  const end = u64(start + aligned);
  if (end < start) return undefined;
  return { first: pageOf(start), end: pageOf(end) };
}

function isMapped(process: Process, first: number, end: number): boolean {
  for (let page = first; page < end; ) {
    const area = page < TASK_PAGES ? process.areaAt(page) : undefined;
    if (area === undefined) return false;
    page = area.end;
  }
  return true;
}
