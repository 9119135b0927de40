import type { Errno } from '../kernel/errno.ts';
import type { Arena, ArenaSurroundings } from './arena.ts';
import type { ClaimFailure } from './arena-free-ranges.ts';
import type { ArenaFrees } from './arena-frees.ts';

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
  /** Whether the call site may sleep: it never changes how pages are had, only how a failure gives them back. */
  readonly sleepable: boolean;
}

/** bpf_arena_alloc_pages() and bpf_arena_reserve_pages() (kernel/bpf/arena.c), for all arenas of a kernel. */
export class ArenaAllocator {
  readonly #parts: ArenaSurroundings;
  readonly #frees: ArenaFrees;

  constructor(parts: ArenaSurroundings, frees: ArenaFrees) {
    this.#parts = parts;
    this.#frees = frees;
  }

  /**
   * Claims slots, then fills them with zeroed pages. The user address of the first, or NULL. A node that does not exist
   * crashes kernels that do not look, which the answer says.
   */
  allocate(arena: Arena, request: AllocArguments): bigint | 'oops' {
    const { address, count, node, flags, sleepable } = request;
    const { profile, failing } = this.#parts;
    if (flags !== 0n || count === 0) return NULL;
    const nodeExists = this.nodeExists(node);
    if (!nodeExists && profile.unknownNode === 'refused') return NULL;
    if (!this.accepts(arena, address, count)) return NULL;
    if (failing.next('page list') || this.cannotLock()) return NULL;
    const slot = this.claim(arena, address, count);
    if (typeof slot !== 'number') return NULL;
    if (!nodeExists) return 'oops';
    const filled = this.fill(arena, slot, count);
    if (filled === count) return arena.addressOf(slot);
    this.rollBack(arena, slot, count, filled);
    if (filled > 0) this.#frees.free(arena, arena.addressOf(slot), filled, sleepable);
    return NULL;
  }

  nodeExists(node: number): boolean {
    return node === NO_NODE || (node >= 0 && node < this.#parts.machine.configuration.nodes);
  }

  /** The checks of the address: the count against the user's range, alignment, and the end. */
  accepts(arena: Arena, address: bigint, count: number): boolean {
    if (count > arena.userPages) return false;
    return address === 0n || ((address & 0xfffn) === 0n && arena.slotAt(address) <= arena.userPages - count);
  }

  claim(arena: Arena, address: bigint, count: number): number | ClaimFailure | undefined {
    if (address === 0n) return arena.free.allocate(count, arena.userPages);
    const slot = arena.slotAt(address);
    return arena.free.claim(slot, count) ?? slot;
  }

  /** Fills claimed slots batch by batch. How many are filled: fewer than `count` when memory ran out or the window ends. */
  fill(arena: Arena, slot: number, count: number): number {
    const first = arena.indexOf(slot);
    if (!arena.window.reaches(first, count)) return 0;
    const { allocationBatch } = this.#parts.profile;
    for (let done = 0; done < count; done += allocationBatch) {
      const batch = Math.min(allocationBatch, count - done);
      if (!this.#fillBatch(arena, first + done, batch)) return done;
    }
    return count;
  }

  /** The slots behind those that were filled are free again; the filled ones are freed like any others. */
  rollBack(arena: Arena, slot: number, count: number, filled: number): void {
    arena.free.rollBack(slot + filled, count - filled);
  }

  /** A new page for a slot, zeroed, which the creator of the map pays for. */
  newPage({ payer }: Arena): number | undefined {
    if (this.#parts.failing.next('page')) return undefined;
    return this.#parts.references.allocate('arena', payer)?.number;
  }

  /** Maps one new page at a window index; false when memory ran out. */
  place(arena: Arena, index: number): boolean {
    return this.#fillBatch(arena, index, 1);
  }

  /** rqspinlock since 7.0: taking it can fail, where a mutex waits. */
  cannotLock(): boolean {
    return this.#parts.profile.lock === 'rqspinlock' && this.#parts.failing.next('lock');
  }

  /** 0 also for an address that is not page aligned, which reserves nothing (facts L8). */
  reserve(arena: Arena, address: bigint, count: number): 0 | Errno {
    if (count === 0) return 0;
    if ((address & 0xfffn) !== 0n) return this.#parts.profile.latent.has('L8') ? 0 : '-EINVAL';
    const slot = arena.slotAt(address);
    if (slot + count > arena.userPages) return '-EINVAL';
    if (this.cannotLock()) return '-EBUSY';
    return arena.free.claim(slot, count) ?? 0;
  }

  /**
   * All pages first, then the entries. False with nothing left behind, also where a page is present already: a free across the
   * base makes one page free under two numbers (F25). A kernel then leaves the entries behind that it made before it met the
   * page, and frees their pages a second time with the arena; what follows is nobody's rule.
   */
  #fillBatch(arena: Arena, first: number, count: number): boolean {
    const { references } = this.#parts;
    for (let index = 0; index < count; index++) {
      if (arena.window.frameAt(first + index) !== undefined && arena.window.frameAt(first + index) !== arena.scratch)
        return false;
    }
    const frames: number[] = [];
    let mapped = 0;
    while (frames.length < count) {
      const frame = this.newPage(arena);
      if (frame === undefined) break;
      frames.push(frame);
    }
    if (frames.length === count) {
      while (mapped < count && arena.window.map(first + mapped, frames[mapped]!)) mapped++;
    }
    if (mapped === count) return true;
    for (let index = 0; index < mapped; index++) arena.window.clear(first + index);
    for (const frame of frames) references.drop(frame);
    return false;
  }
}
