import type { ArenaWorld } from '../../model/arena-world.ts';
import type { Arena } from '../../model/bpf/arena.ts';
import { low32 } from '../../model/bpf/arena-address.ts';
import type { AccessCall, ArenaCall, PageCall } from '../../operations/arena-call.ts';
import { type Attempt, hazardsOf } from './hazards.ts';
import { ZONE } from './user-space.ts';

export interface Restrictions {
  /** The release of the running kernel. */
  readonly release: string;
  readonly allowedHazards: ReadonlySet<string>;
  readonly nodeExists: (node: number) => boolean;
  /** Whether an atomic operation across two cache lines is an exception on this CPU (`split_lock_detect` of /proc/cpuinfo). */
  readonly splitLocksTrap: boolean;
  /**
   * Whether the steps are drawn by chance. Those do nothing but create an arena at an address that no process can have, and
   * keep few arenas at a time: each takes more than 4 GiB of the kernel's address space.
   */
  readonly drawn: boolean;
}

/**
 * Why a live target does not perform a call on a running kernel, undefined where it does: it performs none that carries a hazard,
 * unless the user allowed it by name; none outside of the zone where nothing else is; none whose answer the kernel would choose
 * freely (an address for a mapping); none that would only take long.
 */
export function refusal(restrictions: Restrictions): (world: ArenaWorld, call: ArenaCall) => string | undefined {
  const { release, allowedHazards, drawn } = restrictions;
  return ({ processes, arenas }, call) => {
    const attempt = attemptOf(call, restrictions);
    const carried = attempt === undefined ? [] : hazardsOf(attempt, release, allowedHazards);
    if (carried.length > 0) return `it carries the hazard ${carried.map(({ name }) => name).join(' and ')}`;
    if (drawn && usesUnreachableArena(call)) return 'its arena lies where no process can map it';
    if (drawn && call.call === 'map-create' && arenas.live.length >= MOST_ARENAS) return 'there are arenas enough';
    if (call.call === 'new-process' && processes.length >= MOST_PROCESSES) return 'there are processes enough';
    if (!staysInZone(call)) return 'it reaches memory that belongs to the process itself';
    if (choosesAddress(call)) return 'the kernel would choose the address';
    return pagesOf(call) > MOST_PAGES ? 'it takes too many pages' : undefined;
  };
}

/** What of a call a hazard may lie in. */
function attemptOf(call: ArenaCall, { nodeExists, splitLocksTrap }: Restrictions): Attempt | undefined {
  switch (call.call) {
    case 'mmap': {
      const { attributes, userPages } = call.arena.arena;
      return {
        kind: 'arena-mmap',
        mapExtra: attributes.mapExtra,
        maxEntries: Math.max(attributes.maxEntries, userPages, pagesIn(call.length)),
        fixed: isFixed(call.flags),
        mapped: isTaken(call),
      };
    }
    case 'alloc-pages': {
      const { node = -1, count, program } = call;
      return {
        kind: 'arena-alloc',
        node,
        nodeExists: nodeExists(node),
        reachesGuard: count > 1 && endsAt4G(program.arena) && hasSlotsBehindEnd(program.arena),
      };
    }
    case 'free-pages':
      return { kind: 'arena-free', belowBase: beginsBelowBase(call), crossesBase: crossesBase(call) };
    case 'access':
      return { kind: 'arena-atomic', splitsLock: splitLocksTrap && crossesCacheLine(call) };
    default:
      return undefined;
  }
}

/** The low half of the address decides (facts C2); behind an end at 4 GiB it is below the base again. */
const beginsBelowBase = ({ address, program }: PageCall): boolean => low32(address) < program.arena.start32;

function crossesBase(call: PageCall): boolean {
  const first = low32(call.address) >>> 12;
  return beginsBelowBase(call) && first + call.count > call.program.arena.start32 >>> 12;
}

/** The window begins at a page, so the low bits of the pointer are those of the address that the CPU sees. */
function crossesCacheLine({ access, pointer, offset, size }: AccessCall): boolean {
  return !PLAIN_ACCESSES.has(access) && ((low32(pointer) + offset) & (CACHE_LINE_BYTES - 1)) > CACHE_LINE_BYTES - size;
}

function usesUnreachableArena(call: ArenaCall): boolean {
  const arena = 'arena' in call ? call.arena.arena : 'program' in call ? call.program.arena : undefined;
  return call.call !== 'close-map' && arena !== undefined && arena.attributes.mapExtra >= BigInt(ZONE.end);
}

/** The rest of the address space is this process itself: its code, its stack, its heap. */
function staysInZone(call: ArenaCall): boolean {
  return rangesOf(call).every(({ start, length }) => start >= ZONE.start && start + length <= ZONE.end);
}

/**
 * What a call of a process may map, change or read, without the rounding to pages: the zone ends at one. Lengths that wrap
 * around 2^64 reach behind the zone, and are refused with it.
 */
function rangesOf(call: ArenaCall): readonly { readonly start: bigint; readonly length: bigint }[] {
  switch (call.call) {
    case 'mmap':
      // A first mapping that would cross a multiple of 4 GiB begins behind it (kernel/bpf/arena.c:arena_get_unmapped_area()).
      return [{ start: call.address, length: 2n * call.length }];
    case 'munmap':
    case 'madvise-dontneed':
    case 'mprotect':
      return [{ start: call.address, length: call.length }];
    case 'mremap':
      // Where it goes is unmapped before kernels look whether it may go there (mm/mremap.c:mremap_to()).
      return [
        { start: call.address, length: call.oldLength },
        { start: call.address, length: call.newLength },
        { start: call.newAddress, length: call.newLength },
      ];
    case 'process-read':
      return [{ start: call.address, length: BigInt(call.length) }];
    case 'process-write':
      return [{ start: call.address, length: BigInt(call.bytes.length) }];
    default:
      return [];
  }
}

/** A first mapping gets an address of the kernel's choice where it names none, or one that is taken. */
function choosesAddress(call: ArenaCall): boolean {
  if (call.call !== 'mmap' || call.arena.arena.userStart !== 0n) return false;
  return call.address < 4096n || (!isFixed(call.flags) && isTaken(call));
}

/** An arena asks for a place of twice the length (kernel/bpf/arena.c:arena_get_unmapped_area()). */
function isTaken({ process, address, length }: MmapCall): boolean {
  const first = Number(address >> 12n);
  return process.areaIn(first, first + 2 * pagesIn(length)) !== undefined;
}

/** Pages that a length takes: a part of one counts as one. */
const pagesIn = (length: bigint): number => Number((length + 4095n) >> 12n);
const endsAt4G = ({ userEnd }: Arena): boolean => userEnd % 2n ** 32n === 0n;

function hasSlotsBehindEnd({ free, userPages }: Arena): boolean {
  for (const { last } of free.runs()) if (last >= userPages) return true;
  return false;
}

type MmapCall = Extract<ArenaCall, { call: 'mmap' }>;

/** How many pages a call goes through one by one. */
function pagesOf(call: ArenaCall): number {
  switch (call.call) {
    case 'alloc-pages':
      return call.count > call.program.arena.userPages ? 0 : call.count;
    case 'free-pages':
      return Math.min(call.count, call.program.arena.userPages);
    default:
      return 0;
  }
}

const isFixed = (flags: number): boolean => (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) !== 0;
/** This one and a peer, each call of which is a change of processes. */
const MOST_PROCESSES = 2;
const MOST_ARENAS = 2;
/** These become plain moves; all others carry a LOCK prefix, or imply one. */
const PLAIN_ACCESSES: ReadonlySet<AccessCall['access']> = new Set(['load', 'store', 'ldacq', 'strel']);
const CACHE_LINE_BYTES = 64;
const MAP_FIXED = 0x10;
const MAP_FIXED_NOREPLACE = 0x10_0000;
/** Freeing costs the kernel some 30 us a page. */
const MOST_PAGES = 300;
