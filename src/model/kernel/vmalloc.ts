import type { Journal } from '../../base/journal.ts';
import { OrderedSet } from '../../base/ordered-set.ts';
import { PAGE_SIZE, PAGES_PER_2M, pagesFor } from '../../base/page.ts';
import { roundUp } from '../../base/word.ts';
import type { Machine } from '../machine/machine.ts';
import { KERNEL_DATA } from '../machine/page-table-entry.ts';
import type { DirectMap } from './direct-map.ts';
import type { FailurePlan } from './failing.ts';
import type { KernelLog } from './kernel-log.ts';
import type { Window } from './layout.ts';
import type { VmallocBehaviour } from './profile.ts';
import type { SetMemory } from './set-memory.ts';
import { framesOf, giveBack } from './vm-frames.ts';
import type { VmMapping } from './vm-mapping.ts';
import type { VmapArea, VmapAreas } from './vmap-areas.ts';

/** What a caller asks of vmalloc: __vmalloc_node_range(). */
export interface AreaRequest {
  readonly sizeBytes: number;
  readonly window: Window;
  /** In pages, a power of two; 1 when not stated. */
  readonly align?: number;
  /** VM_ALLOW_HUGE_VMAP */
  readonly allowHuge?: boolean;
  /** False for VM_NO_GUARD; true when not stated. */
  readonly guard?: boolean;
  /** VM_FLUSH_RESET_PERMS from the start. */
  readonly flushResetPerms?: boolean;
  /** Page protection; PAGE_KERNEL when not stated. */
  readonly flags?: number;
}

/** A live vmalloc area: struct vm_struct. */
export interface VmArea extends VmapArea {
  readonly vmap: VmapArea;
  readonly window: Window;
  readonly sizeBytes: number;
  /** By page of the area. */
  readonly frames: readonly number[];
  /** Base pages that one leaf maps. */
  readonly leafPages: 1 | 512;
  /** page_order as a count: how far those who visit the area's frames step. */
  readonly orderPages: 1 | 512;
  /** False for an area of somebody else's frames: vmap(). */
  readonly ownsFrames: boolean;
  /** VM_FLUSH_RESET_PERMS: its permissions were changed, so its direct-map entries are reset before its frames go. */
  flushResetPerms: boolean;
}

/** What vfree() does to an area, in order; between two of them other CPUs run. */
export type FreeStage = 'unmap' | 'invalidate-direct-map' | 'flush' | 'default-direct-map' | 'release';

const FREE_PLAIN: readonly FreeStage[] = ['unmap', 'release'];
const FREE_RESETTING: readonly FreeStage[] = [
  'unmap',
  'invalidate-direct-map',
  'flush',
  'default-direct-map',
  'release',
];

interface Parts {
  readonly journal: Journal;
  readonly machine: Machine;
  readonly behaviour: VmallocBehaviour;
  readonly failing: FailurePlan;
  readonly log: KernelLog;
  readonly directMap: DirectMap;
  readonly setMemory: SetMemory;
  readonly vmapAreas: VmapAreas;
  readonly mapping: VmMapping;
}

/**
 * Models mm/vmalloc.c: areas of whole frames at consecutive kernel addresses. Left out: vmap() of foreign pages, KASAN shadow,
 * NUMA placement and the deferral of vfree() from interrupts; none of them changes which mapping says what when.
 */
export class Vmalloc {
  readonly #parts: Parts;
  /** Live areas, by address. */
  readonly #areas: OrderedSet<VmArea, Pick<VmArea, 'firstPage'>>;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#areas = new OrderedSet<VmArea, Pick<VmArea, 'firstPage'>>(parts.journal, byAddress);
  }

  /** Live areas, by address. */
  get areas(): readonly VmArea[] {
    return [...this.#areas.items()];
  }

  /** The live area that holds the page; its guard page is not part of it. */
  areaAt(page: number): VmArea | undefined {
    const area = this.#areas.floor({ firstPage: page });
    return area !== undefined && page < area.firstPage + area.pageCount ? area : undefined;
  }

  /** __vmalloc_node_range(): NULL (undefined) for size 0, or when anything it needs is missing. Frames keep old contents. */
  allocate(request: AreaRequest): VmArea | undefined {
    if (request.sizeBytes <= 0) {
      this.#parts.log.warn('vmalloc of size 0');
      return undefined;
    }
    if (this.wantsHuge(request)) {
      const area = this.#allocate(request, PAGES_PER_2M, PAGES_PER_2M);
      if (area !== undefined) return area;
    }
    return this.#allocate(request, 1, this.orderOfFallback(request));
  }

  /** What the area's page_order stands for once small pages were settled for. */
  orderOfFallback(_request: AreaRequest): 1 | 512 {
    return 1;
  }

  /** vmap(): an area over frames that belong to somebody else, in 4 KiB leaves. */
  map(frames: readonly number[], window: Window, align: number): VmArea | undefined {
    const { failing, vmapAreas, mapping } = this.#parts;
    if (failing.next('vm area')) return undefined;
    const vmap = vmapAreas.allocate(window, frames.length, align);
    if (vmap === undefined) return undefined;
    const sizeBytes = frames.length * PAGE_SIZE;
    const small = { leafPages: 1, orderPages: 1, ownsFrames: false, flushResetPerms: false } as const;
    const area: VmArea = { ...vmap, vmap, window, sizeBytes, frames, ...small };
    this.#areas.add(area);
    if (mapping.map(area.firstPage, frames, 1, KERNEL_DATA)) return area;
    this.abandon(area);
    return undefined;
  }

  /** An area that could not be completed goes the way of all areas. */
  abandon(area: VmArea): void {
    this.free(area.firstPage);
  }

  /** Whether an area of 2 MiB leaves is tried first. */
  wantsHuge({ sizeBytes, allowHuge }: AreaRequest): boolean {
    const { behaviour, machine } = this.#parts;
    const granted =
      behaviour.hugeMappings === 'by-request' ? allowHuge === true : behaviour.hugeMappings === 'by-default';
    return granted && machine.configuration.pse && pagesFor(sizeBytes) >= PAGES_PER_2M;
  }

  /** set_vm_flush_reset_perms(): does nothing, without a word, when no area holds the page. */
  setFlushResetPerms(page: number): void {
    const area = this.areaAt(page);
    if (area !== undefined && !area.flushResetPerms) this.#parts.journal.set(area, 'flushResetPerms', true);
  }

  /** vfree() of any page of an area frees the whole area. Returns it, or undefined after a WARN when there is none. */
  free(page: number): VmArea | undefined {
    const area = this.areaAt(page);
    if (area === undefined) {
      this.#parts.log.warn('Trying to vfree() nonexistent vm area');
      return undefined;
    }
    for (const stage of this.freeStages(area)) this.performFree(area, stage);
    return area;
  }

  /** The stages of vfree() for this area, in order. */
  freeStages(area: VmArea): readonly FreeStage[] {
    return area.flushResetPerms ? FREE_RESETTING : FREE_PLAIN;
  }

  /** Performs one stage of vfree(). */
  performFree(area: VmArea, stage: FreeStage): void {
    const { mapping, vmapAreas, setMemory } = this.#parts;
    switch (stage) {
      case 'unmap':
        this.#areas.delete(area);
        mapping.unmap(area.firstPage, area.pageCount);
        vmapAreas.freeLazily(area.vmap);
        break;
      case 'invalidate-direct-map':
        this.#eachDirectMapRun(area, (frame, count) => setMemory.directMapInvalid(frame, count));
        break;
      case 'flush':
        vmapAreas.unmapAliases(this.directMapSpan(area));
        break;
      case 'default-direct-map':
        this.#eachDirectMapRun(area, (frame, count) => setMemory.directMapDefault(frame, count));
        break;
      case 'release':
        if (area.ownsFrames) giveBack(this.#parts.machine.memory, area.frames, area.leafPages);
        break;
    }
  }

  /** The direct-map pages of the area's frames, from the lowest to behind the highest; undefined for an area without frames. */
  directMapSpan({ frames, orderPages }: VmArea): Window | undefined {
    if (frames.length === 0) return undefined;
    const { directMap } = this.#parts;
    let first = Number.POSITIVE_INFINITY;
    let end = 0;
    for (let index = 0; index < frames.length; index += orderPages) {
      const page = directMap.pageOf(frames[index]!);
      first = Math.min(first, page);
      end = Math.max(end, page + orderPages);
    }
    return { first, end };
  }

  #allocate(request: AreaRequest, leafPages: 1 | 512, orderPages: 1 | 512): VmArea | undefined {
    const { failing, vmapAreas, machine, mapping } = this.#parts;
    const { window, sizeBytes, align = 1, guard, flushResetPerms = false, flags = KERNEL_DATA } = request;
    if (failing.next('vm area')) return undefined;
    const pageCount = roundUp(pagesFor(sizeBytes), leafPages);
    const vmap = vmapAreas.allocate(window, pageCount, Math.max(align, leafPages), guard);
    if (vmap === undefined) return undefined;
    const frames = failing.next('pages') ? undefined : framesOf(machine, pageCount, leafPages);
    const settled = { frames: frames ?? [], leafPages, orderPages, ownsFrames: true };
    const area: VmArea = { ...vmap, vmap, window, sizeBytes, ...settled, flushResetPerms };
    this.#areas.add(area);
    if (frames !== undefined && mapping.map(area.firstPage, frames, leafPages, flags)) return area;
    this.abandon(area);
    return undefined;
  }

  #eachDirectMapRun({ frames, orderPages }: VmArea, visit: (firstFrame: number, count: number) => void): void {
    const count = this.#parts.behaviour.resetsDirectMapBy === 'leaf' ? orderPages : 1;
    for (let index = 0; index < frames.length; index += count) visit(frames[index]!, count);
  }
}

const byAddress = (left: Pick<VmArea, 'firstPage'>, right: Pick<VmArea, 'firstPage'>): number =>
  left.firstPage - right.firstPage;
