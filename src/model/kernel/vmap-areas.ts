import { type Journal, JournaledArray } from '../../base/journal.ts';
import { OrderedSet } from '../../base/ordered-set.ts';
import { insertMerged, type Range, RangeTree } from '../../base/range-tree.ts';
import { roundUp } from '../../base/word.ts';
import type { Machine } from '../machine/machine.ts';
import type { Window } from './layout.ts';
import { type Locks, vmapAreaLock, vmapPurgeMutex } from './locks.ts';
import { flushTlbKernelRange } from './tlb-flush.ts';

/** A stretch of vmalloc address space that is taken: struct vmap_area. */
export interface VmapArea {
  readonly firstPage: number;
  /** Pages that its owner may use; the guard page behind them is not among these. */
  readonly pageCount: number;
  /** False for VM_NO_GUARD: the next area may touch it. True when not stated. */
  readonly guard?: boolean;
}

/**
 * The address space of vmalloc (mm/vmalloc.c): lowest-address first fit with a trailing guard page, and ranges that were
 * unmapped but are not handed out again before a flush. The per-node pools of 6.9 and the per-CPU vmap blocks are left out: they
 * change when an address is used again, never whether stale translations of it may be left then.
 */
export class VmapAreas {
  readonly #machine: Machine;
  readonly #locks: Locks;
  /** Busy and lazily freed areas, by address. */
  readonly #taken: OrderedSet<VmapArea>;
  /** free_vmap_area_root: pages that no area and no guard page takes. */
  readonly #free: RangeTree<Range>;
  /** Unmapped areas that some CPU may still translate. */
  readonly lazy: JournaledArray<VmapArea>;

  constructor(journal: Journal, machine: Machine, locks: Locks) {
    this.#machine = machine;
    this.#locks = locks;
    this.#taken = new OrderedSet<VmapArea>(journal, (left, right) => left.firstPage - right.firstPage);
    this.#free = new RangeTree<Range>(journal);
    this.#free.insert({ start: 0, end: PAGES_IN_ADDRESS_SPACE });
    this.lazy = new JournaledArray<VmapArea>(journal);
  }

  /** Busy and lazily freed areas, by address. */
  get taken(): readonly VmapArea[] {
    return [...this.#taken.items()];
  }

  /** @param align in pages, a power of two */
  allocate(window: Window, pageCount: number, align: number, guard = true): VmapArea | undefined {
    const found = this.#insert(window, pageCount, align, guard);
    if (found !== undefined || this.lazy.length === 0) return found;
    this.unmapAliases();
    return this.#insert(window, pageCount, align, guard);
  }

  /** Where the next area may begin: behind the guard page. */
  reservedEnd({ firstPage, pageCount, guard = true }: VmapArea): number {
    return firstPage + pageCount + (guard ? 1 : 0);
  }

  /** The caller has unmapped the area; its addresses rest until the next flush. */
  freeLazily(area: VmapArea): void {
    this.lazy.push(area);
  }

  /**
   * _vm_unmap_aliases(): one flush for every lazily freed area, and for `also` with them; then their addresses are free. With
   * nothing lazily freed only `also` is flushed.
   */
  unmapAliases(also?: Window): void {
    if (this.lazy.length === 0 && also === undefined) return;
    this.#locks.holding(vmapPurgeMutex, () => {
      this.flush(this.flushSpan(also));
      while (this.lazy.length > 0) this.release(this.lazy.remove(this.lazy.length - 1));
    });
  }

  flush({ first, end }: Window): void {
    flushTlbKernelRange(this.#machine, first, end);
  }

  /** The smallest span that holds every lazily freed area and `also`. */
  flushSpan(also: Window | undefined): Window {
    let first = also?.first ?? Number.POSITIVE_INFINITY;
    let end = also?.end ?? 0;
    for (const { firstPage, pageCount } of this.lazy.items) {
      first = Math.min(first, firstPage);
      end = Math.max(end, firstPage + pageCount);
    }
    return { first, end };
  }

  #insert(window: Window, pageCount: number, align: number, guard: boolean): VmapArea | undefined {
    this.#locks.take(vmapAreaLock);
    const placed = ({ start }: Range): VmapArea => {
      const firstPage = roundUp(Math.max(start, window.first), align);
      return { firstPage, pageCount, ...(guard ? {} : { guard }) };
    };
    const fits = (room: Range) => this.reservedEnd(placed(room)) <= Math.min(room.end, window.end);
    const room = this.#free.lowest(this.reservedEnd({ firstPage: 0, pageCount, guard }), fits, window.first);
    const area = room === undefined ? undefined : placed(room);
    if (room !== undefined && area !== undefined) this.#take(room, area);
    this.#locks.release(vmapAreaLock);
    return area;
  }

  #take(room: Range, area: VmapArea): void {
    const end = this.reservedEnd(area);
    this.#free.remove(room.start);
    if (room.start < area.firstPage) this.#free.insert({ start: room.start, end: area.firstPage });
    if (end < room.end) this.#free.insert({ start: end, end: room.end });
    this.#taken.add(area);
  }

  /** The addresses can be handed out again. */
  release(area: VmapArea): void {
    this.#taken.delete(area);
    insertMerged(this.#free, { start: area.firstPage, end: this.reservedEnd(area) });
  }
}

const PAGES_IN_ADDRESS_SPACE = 2 ** 52;
