import { type Journal, JournaledArray } from '../../base/journal.ts';
import { PAGE_SIZE, SIZE_2M } from '../../base/page.ts';
import { insertMerged, type Range, RangeTree } from '../../base/range-tree.ts';
import { roundUp } from '../../base/word.ts';
import { KERNEL_ROX } from '../machine/page-table-entry.ts';
import type { Outcome } from './errno.ts';
import type { ExecmemCoreProfile } from './execmem-profile.ts';
import type { ExecutableMemory } from './executable-memory.ts';
import type { FailurePlan } from './failing.ts';
import type { KernelLog } from './kernel-log.ts';
import type { Window } from './layout.ts';
import { execmemMutex, type Locks } from './locks.ts';
import type { SetMemory } from './set-memory.ts';
import { type BusyText, extentOf, type SharedText } from './shared-text.ts';
import { pageOfText, type TextAddress, textAddress } from './text-address.ts';
import type { VmMapping } from './vm-mapping.ts';
import type { VmArea, Vmalloc } from './vmalloc.ts';

/** A request whose block was just made, between the two critical sections of execmem_cache_alloc(). */
export interface PopulatedRequest {
  readonly size: number;
  /** Where it was served while the block was added; undefined on kernels that look again afterwards. */
  readonly address: TextAddress | undefined;
}

interface Parts {
  readonly journal: Journal;
  readonly profile: ExecmemCoreProfile;
  readonly modules: Window;
  readonly vmalloc: Vmalloc;
  readonly mapping: VmMapping;
  readonly memory: ExecutableMemory;
  readonly setMemory: SetMemory;
  readonly failing: FailurePlan;
  readonly locks: Locks;
  readonly log: KernelLog;
}

/**
 * Models the cache of large read-only executable pages in mm/execmem.c (6.13 and later): blocks of whole 2 MiB pages, made
 * read-only and executable once, cut into page-granular pieces, lowest address first.
 *
 * The kernel keeps no list of its blocks and asks vmalloc for the area of an address; the list here is for laws to read.
 * KASAN tags and shadow are left out: they change no placement on x86-64 without software tags.
 */
export class RoxCache implements SharedText {
  /** busy_areas */
  readonly busy: RangeTree<BusyText>;
  /** free_areas */
  readonly free: RangeTree<Range>;
  readonly blocks: JournaledArray<VmArea>;
  /** Blocks are filled with traps before they are protected. */
  readonly freshByte = TRAP;
  /** What the kernel counts and has scheduled: pending_free_cnt, the clean work, the delayed work of pending frees. */
  readonly work = { pendingFrees: 0, cleanScheduled: false, retryScheduled: false };
  readonly #parts: Parts;

  constructor(parts: Parts) {
    const { journal } = parts;
    this.#parts = parts;
    this.busy = new RangeTree(journal);
    this.free = new RangeTree(journal);
    this.blocks = new JournaledArray<VmArea>(journal);
  }

  /** execmem_cache_alloc(): what the cache has, or a new block. Undefined stands for NULL. */
  allocate(size: number, cpu: number): TextAddress | undefined {
    const found = this.take(size);
    if (found !== undefined) return found;
    if (!this.nodesCanBeHad()) {
      this.#parts.log.bug('kernel NULL pointer dereference in mas_alloc_nodes');
      return undefined;
    }
    const request = this.populateFor(size, cpu);
    return request === undefined ? undefined : this.finish(request);
  }

  /** The first half of an allocation that finds nothing: makes a block and adds it. Undefined when that failed. */
  populateFor(size: number, cpu: number): PopulatedRequest | undefined {
    const area = this.newBlock(size, cpu);
    if (area === undefined) return undefined;
    return this.#holding(() => {
      if (!this.#add(extentOf(area))) {
        this.abandonBlock(area);
        return undefined;
      }
      if (!this.servesWhilePopulating()) return { size, address: undefined };
      const address = this.#cutFirst(size);
      return address === undefined ? undefined : { size, address };
    });
  }

  /** The second half: whoever came in between may have taken what was made for this request. */
  finish({ size, address }: PopulatedRequest): TextAddress | undefined {
    return address ?? this.take(size);
  }

  /** __execmem_cache_alloc() */
  take(size: number): TextAddress | undefined {
    return this.#holding(() => this.#cutFirst(size));
  }

  /** execmem_cache_free(): false when nobody holds the address. */
  release(address: TextAddress, cpu: number): boolean {
    return this.#holding(() => {
      const chunk = this.busy.at(address);
      if (chunk === undefined) return false;
      if (!this.#parts.profile.retriesFrees) this.#freeOrLose(chunk, address, cpu);
      else if (!this.#freeChunk(chunk, address, cpu)) this.postpone(chunk);
      return true;
    });
  }

  /** execmem_cache_free_slow(): the delayed work tries every pending range again, and stays scheduled while one is left. */
  retryPendingFrees(cpu: number): void {
    const { journal } = this.#parts;
    this.#holding(() => {
      for (const chunk of [...this.busy]) {
        if (chunk.pending !== true || !this.#freeChunk(this.unmarked(chunk), chunk.start, cpu)) continue;
        journal.set(this.work, 'pendingFrees', this.work.pendingFrees - 1);
      }
      if (this.work.pendingFrees > 0) return;
      journal.set(this.work, 'retryScheduled', false);
      journal.set(this.work, 'cleanScheduled', true);
    });
  }

  /** execmem_cache_clean(): gives memory back that nobody uses. */
  clean(): void {
    const { journal, vmalloc } = this.#parts;
    journal.set(this.work, 'cleanScheduled', false);
    this.#holding(() => {
      const shortest = this.#parts.profile.cleans === 'whole-2m' ? SIZE_2M : PAGE_SIZE;
      for (const range of this.free.ofLength(shortest)) {
        const area = vmalloc.areaAt(pageOfText(range.start));
        if (area === undefined || !this.isReleasable(range, area)) continue;
        this.makeOrdinary(area);
        this.free.remove(range.start);
        this.#forget(area);
        vmalloc.free(area.firstPage);
      }
    });
  }

  /** Whether the clean work may give this free range back. */
  isReleasable({ start, end }: Range, area: VmArea): boolean {
    const extent = extentOf(area);
    if (this.#parts.profile.cleans === 'whole-area') return start === extent.start && end === extent.end;
    return start % SIZE_2M === 0 && (end - start) % SIZE_2M === 0;
  }

  /** execmem_force_rw(): not executable first, then writable. */
  forceRw({ start, end }: Range): Outcome {
    const { setMemory } = this.#parts;
    const pages = pagesOf({ start, end });
    const outcome = setMemory.nx(...pages);
    return outcome === 0 ? setMemory.rw(...pages) : outcome;
  }

  /** execmem_restore_rox() */
  restoreRox(range: Range): Outcome {
    return this.#parts.setMemory.rox(...pagesOf(range));
  }

  /** Which bytes a free fills with traps: from 6.17 on the whole chunk; before, as many from the given address on. */
  trapped({ start, end }: BusyText, address: TextAddress): Range {
    const first = this.#parts.profile.refill === 'stores' ? start : address;
    return { start: first, end: first + (end - start) };
  }

  /** pending_free_clear(): the stored pointer without its mark. */
  unmarked({ start, end }: BusyText): BusyText {
    return { start, end };
  }

  /** The lowest free area that is long enough and lies within the window. */
  findRoom(size: number): Range | undefined {
    return this.free.lowest(size, ({ start }) => isWithin(this.#parts.modules, start, size));
  }

  /** Whether maple_tree_init() has run: right after mm_core_init(), before anybody can ask for text. */
  nodesCanBeHad(): boolean {
    return true;
  }

  /** Whether a request is served while its block is added. */
  servesWhilePopulating(): boolean {
    return this.#parts.profile.servesWhilePopulating;
  }

  /** Whether the rest of a cut area gets its tree node for certain. */
  preallocates(): boolean {
    return this.#parts.profile.preallocates;
  }

  /** execmem_cache_populate() up to the tree: vmalloc, traps, protection. */
  newBlock(size: number, cpu: number): VmArea | undefined {
    const { vmalloc, modules, memory, profile } = this.#parts;
    const request = { window: modules, flushResetPerms: profile.resetsPermissions };
    const area =
      vmalloc.allocate({ ...request, sizeBytes: roundUp(size, SIZE_2M), align: 512, allowHuge: true }) ??
      (profile.settlesForExactSize ? vmalloc.allocate({ ...request, sizeBytes: size }) : undefined);
    if (area === undefined) return undefined;
    memory.fill(area, TRAP, cpu);
    if (!this.protect(area)) {
      vmalloc.free(area.firstPage);
      return undefined;
    }
    this.blocks.push(area);
    return area;
  }

  /** Makes a fresh block read-only and executable, by changing its entries or, in 6.13, by mapping it anew. */
  protect(area: VmArea): boolean {
    const { profile, setMemory } = this.#parts;
    if (profile.directMap === 'read-only') return setMemory.rox(area.firstPage, area.pageCount) === 0;
    this.#parts.mapping.unmapAndFlush(area.firstPage, area.pageCount);
    if (!this.#setDirectMap(area, false)) return false;
    return this.#parts.mapping.map(area.firstPage, area.frames, area.leafPages, KERNEL_ROX);
  }

  /** A protected block that the tree has no memory for. 6.13 forgot that the direct map was gone already. */
  abandonBlock(area: VmArea): void {
    const { directMap, resetsPermissions } = this.#parts.profile;
    if (directMap === 'read-only' && !resetsPermissions) this.#setDirectMap(area, true);
    this.#forget(area);
    this.#parts.vmalloc.free(area.firstPage);
  }

  /** All of a block is present and writable again, whatever part of it is clean; unless vfree() sees to it. */
  makeOrdinary(area: VmArea): void {
    if (!area.flushResetPerms) this.#setDirectMap(area, true);
  }

  /** Lowest address first; cut from the front. The busy entry is stored first, then what is left of the free area. */
  #cutFirst(size: number): TextAddress | undefined {
    const { failing } = this.#parts;
    const room = this.findRoom(size);
    if (room === undefined) return undefined;
    const { start } = room;
    const end = start + size;
    const preallocates = this.preallocates();
    if (preallocates && failing.next('tree nodes')) return undefined;
    this.free.remove(start);
    if (!preallocates && failing.next('tree node of the busy area')) {
      this.free.insert(room);
      return undefined;
    }
    this.busy.insert({ start, end });
    if (end === room.end) return start;
    if (!preallocates && failing.next('tree node of the rest')) {
      this.busy.remove(start);
      return undefined;
    }
    this.free.insert({ start: end, end: room.end });
    return start;
  }

  /** 6.13 to 6.16: the busy entry goes first, so that a failure afterwards loses the range. */
  #freeOrLose(chunk: BusyText, address: TextAddress, cpu: number): void {
    const { memory, journal } = this.#parts;
    this.busy.remove(chunk.start);
    const { start, end } = this.trapped(chunk, address);
    memory.pokeFill(start, TRAP, end - start, cpu);
    this.#add(chunk);
    journal.set(this.work, 'cleanScheduled', true);
  }

  /** 6.17: writable, traps, read-only, free again; only then no longer busy. False when a step failed. */
  #freeChunk(chunk: BusyText, address: TextAddress, cpu: number): boolean {
    const { memory, journal } = this.#parts;
    if (this.forceRw(chunk) !== 0) return false;
    memory.fill(areaOf(this.trapped(chunk, address)), TRAP, cpu);
    this.restoreRox(chunk);
    if (!this.#add(chunk)) return false;
    this.busy.remove(chunk.start);
    journal.set(this.work, 'cleanScheduled', true);
    return true;
  }

  /** Marks a range whose free failed, and has it tried again after 10 ms. */
  postpone(chunk: BusyText): void {
    const { journal } = this.#parts;
    if (chunk.pending !== true) {
      this.busy.remove(chunk.start);
      this.busy.insert({ ...chunk, pending: true });
      journal.set(this.work, 'pendingFrees', this.work.pendingFrees + 1);
    }
    journal.set(this.work, 'retryScheduled', true);
  }

  /** execmem_cache_add(): false when the tree finds no memory. */
  #add({ start, end }: Range): boolean {
    if (this.#parts.failing.next('tree node of the free area')) return false;
    insertMerged(this.free, { start, end });
    return true;
  }

  /**
   * execmem_set_direct_map_valid(): in steps of what vmalloc says the pages of the block are, so that large ones are changed
   * whole. What was changed before a failure is changed back.
   */
  #setDirectMap({ frames, orderPages }: VmArea, valid: boolean): boolean {
    const { setMemory } = this.#parts;
    for (let index = 0; index < frames.length; index += orderPages) {
      if (setMemory.directMapValid(frames[index]!, orderPages, valid) === 0) continue;
      for (let done = 0; done < index; done += orderPages) setMemory.directMapValid(frames[done]!, orderPages, !valid);
      return false;
    }
    return true;
  }

  #forget(area: VmArea): void {
    const index = this.blocks.items.indexOf(area);
    if (index >= 0) this.blocks.remove(index);
  }

  #holding<Result>(body: () => Result): Result {
    return this.#parts.locks.holding(execmemMutex, body);
  }
}

const TRAP = 0xcc;

/** within_range(): an area that ends exactly at the window's end is refused, since `end` is compared strictly. */
const isWithin = ({ first, end }: Window, start: TextAddress, size: number): boolean =>
  start >= textAddress(first) && start + size < textAddress(end);

const areaOf = ({ start, end }: Range) => ({ firstPage: pageOfText(start), pageCount: (end - start) / PAGE_SIZE });

function pagesOf(range: Range): readonly [firstPage: number, pageCount: number] {
  const { firstPage, pageCount } = areaOf(range);
  return [firstPage, pageCount];
}
