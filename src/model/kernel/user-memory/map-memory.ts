import { pageOf } from '../../../base/page.ts';
import { u64 } from '../../../base/word.ts';
import type { Errno } from '../errno.ts';
import { populate } from './advise-memory.ts';
import { removePages } from './change-mapping.ts';
import { LOWEST_HINT_PAGE, type Process, TASK_PAGES } from './process.ts';
import { type Mappable, type MapRequest, PROT_EXEC, PROT_WRITE, type VmAreaShape } from './vm-area.ts';

export const MAP_SHARED = 1;
export const MAP_PRIVATE = 2;
export const MAP_SHARED_VALIDATE = 3;
export const MAP_FIXED = 0x10;
export const MAP_POPULATE = 0x8000;
export const MAP_FIXED_NOREPLACE = 0x10_0000;
const MAP_TYPE = 0xf;
/**
 * LEGACY_MAP_MASK of include/linux/mman.h: what was silently ignored before there was a type that validates. FIXED_NOREPLACE is
 * younger, so it and MAP_SHARED_VALIDATE exclude each other (seen on 6.18.44).
 */
const LEGACY_FLAGS =
  0xff | 0x0100 | 0x0800 | 0x1000 | 0x2000 | 0x4000 | 0x8000 | 0x1_0000 | 0x2_0000 | 0x4_0000 | (0x3f << 26);

/** The arguments of mmap(2); 64 bits each where C has a long. */
export interface MmapArguments {
  readonly address: bigint;
  readonly length: bigint;
  readonly protection: number;
  readonly flags: number;
  readonly offset: bigint;
}

/**
 * mmap(2) in the order of mm/mmap.c:do_mmap() and mm/vma.c:__mmap_region(). `file` is undefined for an anonymous mapping.
 * The address of the new mapping, or an errno. A fixed mapping whose file refuses late has already removed what was there.
 */
export function mapMemory(process: Process, file: Mappable | undefined, request: MmapArguments): bigint | Errno {
  const { flags, protection } = request;
  if ((request.offset & 0xfffn) !== 0n) return '-EINVAL';
  if (request.length === 0n) return '-EINVAL';
  const fixed = (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) !== 0;
  const length = u64(request.length + 0xfffn) & ~0xfffn;
  if (length === 0n) return '-ENOMEM';
  if (request.offset + length >= 1n << 64n) return '-EOVERFLOW';
  if (length > BigInt(TASK_PAGES) << 12n) return '-ENOMEM';
  const pageCount = pageOf(length);

  const wanted: MapRequest = {
    process,
    address: fixed ? request.address : roundHint(request.address),
    pageCount,
    filePage: pageOf(request.offset),
    fixed,
  };
  const address = file === undefined ? unmappedArea(wanted, pageCount) : file.unmappedArea(wanted);
  if (typeof address === 'string') return address;
  if (address > (BigInt(TASK_PAGES) << 12n) - length) return '-ENOMEM';
  if ((address & 0xfffn) !== 0n) return '-EINVAL';
  const first = pageOf(address);
  if ((flags & MAP_FIXED_NOREPLACE) !== 0 && process.areaIn(first, first + pageCount) !== undefined) return '-EEXIST';

  const type = flags & MAP_TYPE;
  if (type !== MAP_SHARED && type !== MAP_PRIVATE && type !== MAP_SHARED_VALIDATE) return '-EINVAL';
  if (type === MAP_SHARED_VALIDATE && (flags & ~LEGACY_FLAGS) !== 0) return '-EOPNOTSUPP';
  const { anonymousInodesNoExec, committablePages } = process.surroundings;
  if (file !== undefined && anonymousInodesNoExec && (protection & PROT_EXEC) !== 0) return '-EPERM';
  const shared = type !== MAP_PRIVATE;
  const charged = !shared && (protection & PROT_WRITE) !== 0;
  if (charged && pageCount > committablePages) return '-ENOMEM';

  const end = first + pageCount;
  const refused = mapRegion(process, { first, end, filePage: wanted.filePage, rights: protection & 7, shared, file });
  if (refused !== undefined) return refused;
  if ((flags & MAP_POPULATE) !== 0) populate(process, first, end);
  return address;
}

/** __mmap_region(): makes room, then asks the file. The areas that made room are freed after the new one is allocated. */
function mapRegion(process: Process, shape: VmAreaShape): Errno | undefined {
  const { areaCache } = process.surroundings;
  const removed = removePages(process, shape.first, shape.end);
  if (typeof removed === 'string') return removed;
  const area = areaCache.allocate(process, shape);
  const refused = shape.file?.map(area);
  if (refused === undefined) process.insert(area);
  else areaCache.free(area);
  for (const old of removed) areaCache.free(old);
  return refused;
}

/** round_hint_to_min() */
function roundHint(hint: bigint): bigint {
  const rounded = hint & ~0xfffn;
  return hint !== 0n && rounded < BigInt(LOWEST_HINT_PAGE) << 12n ? BigInt(LOWEST_HINT_PAGE) << 12n : rounded;
}

/**
 * mm_get_unmapped_area() of x86-64, top down: a fixed address as it is, a hint where `pageCount` pages are free there,
 * otherwise the highest gap.
 */
export function unmappedArea({ process, address, fixed }: MapRequest, pageCount: number): bigint | Errno {
  if (pageCount > TASK_PAGES) return '-ENOMEM';
  if (fixed) return address;
  if (address !== 0n && address <= BigInt(TASK_PAGES - pageCount) << 12n) {
    const first = pageOf(address);
    if (process.areaIn(first, first + pageCount) === undefined) return address;
  }
  const found = process.searchGap(pageCount);
  return found === undefined ? '-ENOMEM' : BigInt(found) << 12n;
}
