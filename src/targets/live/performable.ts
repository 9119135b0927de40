import type { ArenaWorld } from '../../model/arena-world.ts';
import type { Arena } from '../../model/bpf/arena.ts';
import { low32 } from '../../model/bpf/arena-address.ts';
import type { Process } from '../../model/kernel/user-memory/process.ts';
import type { ArenaCall, PageCall } from '../../operations/arena-call.ts';
import { type Attempt, hazardsOf } from './hazards.ts';
import { ZONE } from './user-space.ts';

export interface Restrictions {
  /** The release of the running kernel. */
  readonly release: string;
  readonly allowedHazards: ReadonlySet<string>;
  readonly nodeExists: (node: number) => boolean;
  /**
   * Whether the steps are drawn by chance. Those keep to what was tried one by one on a running kernel before: no free below
   * the base at all, and nothing but the creation of an arena at an address that no process can have.
   */
  readonly drawn: boolean;
}

/**
 * Which calls a live target performs on a running kernel: none that carries a hazard, unless the user allowed it by name; none outside of
 * the zone where nothing else is; none whose answer the kernel would choose freely (an address for a mapping); none that would only take long.
 */
export function performable(restrictions: Restrictions): (world: ArenaWorld, call: ArenaCall) => boolean {
  const { release, allowedHazards, nodeExists, drawn } = restrictions;
  return ({ processes }, call) => {
    const attempt = attemptOf(call, nodeExists);
    if (attempt !== undefined && hazardsOf(attempt, release, allowedHazards).length > 0) return false;
    if (drawn && (freesBelowBase(call) || usesUnreachableArena(call))) return false;
    if (call.call === 'new-process' && processes.length >= MOST_PROCESSES) return false;
    return staysInZone(call) && !choosesAddress(call) && pagesOf(call) <= MOST_PAGES;
  };
}

/** What of a call a hazard may lie in. */
function attemptOf(call: ArenaCall, nodeExists: (node: number) => boolean): Attempt | undefined {
  if (call.call === 'mmap') {
    const { attributes, userPages } = call.arena.arena;
    const { process, flags, address, length } = call;
    const pages = Number(length >> 12n);
    return {
      kind: 'arena-mmap',
      mapExtra: attributes.mapExtra,
      maxEntries: Math.max(attributes.maxEntries, userPages, pages),
      fixed: isFixed(flags),
      mapped: isTaken(process, address, pages),
    };
  }
  if (call.call === 'alloc-pages') {
    const { node = -1, count, program } = call;
    return {
      kind: 'arena-alloc',
      node,
      nodeExists: nodeExists(node),
      reachesGuard: count > 1 && endsAt4G(program.arena) && hasSlotsBehindEnd(program.arena),
    };
  }
  if (call.call === 'free-pages') return { kind: 'arena-free', crossesBase: crossesBase(call) };
  return undefined;
}

/** The low half of the address decides (facts C2); behind an end at 4 GiB it is below the base again. */
function freesBelowBase(call: ArenaCall): boolean {
  return call.call === 'free-pages' && low32(call.address) < call.program.arena.start32;
}

function crossesBase(call: PageCall): boolean {
  const first = low32(call.address) >>> 12;
  const base = call.program.arena.start32 >>> 12;
  return first < base && first + call.count > base;
}

function usesUnreachableArena(call: ArenaCall): boolean {
  const arena = 'arena' in call ? call.arena.arena : 'program' in call ? call.program.arena : undefined;
  return call.call !== 'close-map' && arena !== undefined && arena.attributes.mapExtra >= BigInt(ZONE.end);
}

/** The rest of the address space is this process itself: its code, its stack, its heap. */
function staysInZone(call: ArenaCall): boolean {
  if (!('process' in call && 'address' in call)) return true;
  const lengths =
    'oldLength' in call ? [call.oldLength, call.newLength] : ['length' in call ? BigInt(call.length) : 0n];
  return lengths.every((length) => call.address >= ZONE.start && call.address + length <= ZONE.end);
}

/** A first mapping gets an address of the kernel's choice where it names none, or one that is taken. */
function choosesAddress(call: ArenaCall): boolean {
  if (call.call !== 'mmap' || call.arena.arena.userStart !== 0n) return false;
  return (
    call.address === 0n || (!isFixed(call.flags) && isTaken(call.process, call.address, Number(call.length >> 12n)))
  );
}

/** An arena asks for a place of twice the length (kernel/bpf/arena.c:arena_get_unmapped_area()). */
function isTaken(process: Process, address: bigint, pages: number): boolean {
  const first = Number(address >> 12n);
  return process.areaIn(first, first + 2 * pages) !== undefined;
}

const endsAt4G = ({ userEnd }: Arena): boolean => userEnd % 2n ** 32n === 0n;

function hasSlotsBehindEnd({ free, userPages }: Arena): boolean {
  for (const { last } of free.runs()) if (last >= userPages) return true;
  return false;
}

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
const MAP_FIXED = 0x10;
const MAP_FIXED_NOREPLACE = 0x10_0000;
/** Freeing costs the kernel some 30 us a page. */
const MOST_PAGES = 300;
