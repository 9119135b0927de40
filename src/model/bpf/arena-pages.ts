import type { Errno } from '../kernel/errno.ts';
import type { Arena } from './arena.ts';
import type { ClaimFailure } from './arena-free-ranges.ts';

/** NUMA_NO_NODE */
export const NO_NODE = -1;
/** What bpf_arena_alloc_pages() answers where it says no. */
export const NULL = 0n;

/** Arguments as the call sees them: the count is a u32, the node an s32, the rest 64 bits. */
export interface AllocArguments {
  readonly address: bigint;
  readonly count: number;
  readonly node: number;
  readonly flags: bigint;
}

/**
 * bpf_arena_alloc_pages(): claims slots, then fills them with zeroed pages. The user address of the first, or NULL.
 * A node that does not exist crashes kernels that do not check it, which the answer says.
 */
export function allocatePages(arena: Arena, { address, count, node, flags }: AllocArguments): bigint | 'oops' {
  if (flags !== 0n || count === 0) return NULL;
  const { profile, machine, failing } = arena.surroundings;
  const nodeExists = node === NO_NODE || (node >= 0 && node < machine.configuration.nodes);
  if (!nodeExists && profile.unknownNode === 'refused') return NULL;
  if (count > arena.userPages) return NULL;
  if (address !== 0n) {
    if ((address & 0xfffn) !== 0n) return NULL;
    if (arena.slotAt(address) > arena.userPages - count) return NULL;
  }
  if (failing.next('page list')) return NULL;
  const slot = claimSlots(arena, address, count);
  if (typeof slot !== 'number') return NULL;
  if (!nodeExists) return 'oops';
  if (fillSlots(arena, slot, count)) return arena.addressOf(slot);
  arena.free.rollBack(slot, count);
  return NULL;
}

function claimSlots(arena: Arena, address: bigint, count: number): number | ClaimFailure | undefined {
  if (address === 0n) return arena.free.allocate(count, arena.userPages);
  const slot = arena.slotAt(address);
  return arena.free.claim(slot, count) ?? slot;
}

/** Maps zeroed pages into claimed slots. False, with nothing left behind, when memory ran out or the window ends. */
function fillSlots(arena: Arena, slot: number, count: number): boolean {
  const { window, surroundings } = arena;
  const first = arena.indexOf(slot);
  if (!window.reaches(first, count)) return false;
  for (let index = first; index < first + count; index++) {
    if (placePage(arena, index)) continue;
    for (let done = first; done < index; done++) surroundings.references.drop(window.clear(done) as number);
    return false;
  }
  return true;
}

/** Maps one new page at a window index; false when memory ran out. */
export function placePage({ window, surroundings }: Arena, index: number): boolean {
  const { references, failing } = surroundings;
  const frame = failing.next('page') ? undefined : references.allocate('arena');
  if (frame === undefined) return false;
  if (window.map(index, frame.number)) return true;
  references.drop(frame.number);
  return false;
}

/** bpf_arena_reserve_pages(): 0 also for an address that is not page aligned, which reserves nothing (facts L8). */
export function reservePages(arena: Arena, address: bigint, count: number): 0 | Errno {
  if (count === 0 || (address & 0xfffn) !== 0n) return 0;
  const slot = arena.slotAt(address);
  if (slot + count > arena.userPages) return '-EINVAL';
  return arena.free.claim(slot, count) ?? 0;
}
