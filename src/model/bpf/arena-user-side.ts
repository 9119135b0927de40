import type { Errno } from '../kernel/errno.ts';
import { unmappedArea } from '../kernel/user-memory/map-memory.ts';
import {
  type FaultAnswer,
  type Mappable,
  type MapRequest,
  PROT_EXEC,
  PROT_WRITE,
  type VmArea,
  type VmAreaOperations,
} from '../kernel/user-memory/vm-area.ts';
import type { Arena, ArenaSurroundings, VmaRecord } from './arena.ts';
import { LARGEST_ARENA, SLOTS_PER_WINDOW } from './arena-address.ts';
import type { ArenaAllocator } from './arena-allocator.ts';
import type { LatentBehaviour } from './arena-latent.ts';

const BELOW_WINDOW = BigInt(LARGEST_ARENA) - 1n;

/** What user space reaches of arenas: get_unmapped_area, mmap and the vm_operations of kernel/bpf/arena.c. */
export class ArenaUserSide {
  readonly #parts: ArenaSurroundings;
  readonly #allocator: ArenaAllocator;

  constructor(parts: ArenaSurroundings, allocator: ArenaAllocator) {
    this.#parts = parts;
    this.#allocator = allocator;
  }

  /** arena_get_unmapped_area(): twice the length is asked for, so that a range that crosses 4 GiB can be moved up. */
  unmappedArea(arena: Arena, request: MapRequest): bigint | Errno {
    const { userStart, userPages } = arena;
    const { pageCount, filePage, address } = request;
    if (filePage !== 0) return '-EINVAL';
    if (pageCount > SLOTS_PER_WINDOW) return '-E2BIG';
    if (userStart !== 0n) {
      if (pageCount > userPages) return '-E2BIG';
      if (pageCount !== userPages || address !== userStart) return '-EINVAL';
    }
    const found = this.#parts.failing.next('unmapped area') ? '-ENOMEM' : unmappedArea(request, 2 * pageCount);
    if (typeof found === 'string') return this.noAddress(found);
    if (!this.crossesWindow(found, pageCount)) return found;
    if (request.fixed && userStart === 0n && !this.#does('L4')) return '-EINVAL';
    return userStart !== 0n ? '-EFAULT' : (found + BELOW_WINDOW) & ~BELOW_WINDOW;
  }

  /** What is answered where no address was found: the patch set said 0 for every error (F5). */
  noAddress(errno: Errno): bigint | Errno {
    return this.#parts.profile.unmappedAreaError === 'zero' ? 0n : errno;
  }

  crossesWindow(start: bigint, pageCount: number): boolean {
    return start >> 32n !== (start + BigInt(pageCount) * 4096n - 1n) >> 32n;
  }

  /** bpf_map_mmap(), then arena_map_mmap(). The first mapping fixes the user's range for the life of the map. */
  map(arena: Arena, mapping: ArenaMapping, area: VmArea): Errno | undefined {
    const writes = (area.rights & PROT_WRITE) !== 0;
    if (!area.shared) return '-EINVAL';
    if (writes && arena.frozen) return '-EPERM';
    const start = BigInt(area.first) << 12n;
    const end = BigInt(area.end) << 12n;
    if (!this.fits(arena, start, end)) return '-EBUSY';
    if (!this.#does('L2') && area.pageCount !== arena.attributes.maxEntries) return '-EINVAL';
    if (this.#parts.failing.next('vma record')) return '-ENOMEM';
    this.remember(arena, area);
    if (arena.userStart !== start) arena.set('userStart', start);
    if (arena.userEnd !== end) arena.set('userEnd', end);
    area.change({
      operations: mapping,
      mayRights: area.mayRights & ~(writes ? PROT_EXEC : PROT_EXEC | PROT_WRITE),
      dontExpand: true,
      dontCopy: this.#parts.profile.areasAreWhole,
    });
    if (writes) arena.set('writers', arena.writers + 1);
    return undefined;
  }

  /** Every mapping has the range of the first. */
  fits({ userStart, userEnd }: Arena, start: bigint, end: bigint): boolean {
    return (userStart === 0n || userStart === start) && (userEnd === 0n || userEnd === end);
  }

  /** remember_vma(): one record for one mmap() call. */
  remember(arena: Arena, area: VmArea): void {
    const record: VmaRecord = { area, sharers: 1 };
    arena.records.push(record);
    area.change({ privateData: record });
  }

  /** A fork or a split has made a copy of an area, which shares its record. */
  opened(area: VmArea): void {
    const record = area.privateData as VmaRecord;
    this.#countWriter(area, 1);
    if (this.#parts.profile.sharersCounted) this.#parts.journal.set(record, 'sharers', record.sharers + 1);
  }

  /** The last sharer takes the record away. To 7.0 the record may outlive the area that it names (F21). */
  closed(arena: Arena, area: VmArea): void {
    const record = area.privateData as VmaRecord;
    this.#countWriter(area, -1);
    this.#parts.journal.set(record, 'sharers', record.sharers - 1);
    if (record.sharers === 0) arena.records.remove(arena.records.items.indexOf(record));
  }

  /** map->writecnt as other maps keep it: kernels leave it alone here (L5). */
  #countWriter({ mayRights, file }: VmArea, more: number): void {
    if (this.#does('L5') || (mayRights & PROT_WRITE) === 0) return;
    const { arena } = file as ArenaMapping;
    arena.set('writers', arena.writers + more);
  }

  #does(behaviour: LatentBehaviour): boolean {
    return this.#parts.profile.latent.has(behaviour);
  }

  /** Whether the page that a fault was answered with may still be installed: kernels do not ask again (L9). */
  mayInstall(arena: Arena, page: number, frame: number): boolean {
    return this.#does('L9') || arena.window.frameAt(this.indexOf(arena, page)) === frame;
  }

  maySplit(_arena: Arena): boolean {
    return !this.#parts.profile.areasAreWhole;
  }

  /**
   * arena_vm_fault(): a page that is present is shared; otherwise the flag decides, then the book of slots, then memory.
   * The answer carries a reference for the entry that mm will install.
   */
  fault(arena: Arena, area: VmArea, page: number): FaultAnswer {
    const index = this.indexOf(arena, page);
    const slot = page - area.first + area.filePage;
    if (this.#parts.profile.faultAllocates === 'before-lock') return this.#faultBeforeLock(arena, slot, index);
    if (this.#allocator.cannotLock()) return 'RETRY';
    arena.set('locked', true);
    const answer = this.#decide(arena, slot, index);
    this.unlock(arena, answer);
    return answer;
  }

  /** Each way out of the handler lets go of the lock. */
  unlock(arena: Arena, _answer: FaultAnswer): void {
    arena.set('locked', false);
  }

  #decide(arena: Arena, slot: number, index: number): FaultAnswer {
    const present = arena.window.frameAt(index);
    if (present !== undefined) return present === arena.scratch ? 'SIGSEGV' : this.share(present);
    if (this.mustNotPopulate(arena)) return 'SIGSEGV';
    if (this.#isReserved(arena, slot) || arena.free.claimForFault(slot) !== undefined) return 'SIGSEGV';
    if (this.#allocator.place(arena, index)) return this.share(arena.window.frameAt(index)!);
    arena.free.rollBack(slot, 1);
    return 'SIGSEGV';
  }

  /** The rework: a page is had before anything is decided under the lock, and dropped where it is not used. */
  #faultBeforeLock(arena: Arena, slot: number, index: number): FaultAnswer {
    const present = arena.window.frameAt(index);
    if (present !== undefined) {
      if (this.#allocator.cannotLock()) return 'SIGBUS';
      return present === arena.scratch ? 'SIGSEGV' : this.share(present);
    }
    const spare = this.#allocator.newPage(arena);
    if (spare === undefined) return this.withoutMemory();
    const refused = this.#allocator.cannotLock() ? 'SIGBUS' : this.#install(arena, slot, index, spare);
    if (refused === undefined) return this.share(spare);
    this.#parts.references.drop(spare);
    return refused;
  }

  /** The allocator that may sleep has tried everything: mm's own handling of a lack of memory begins. */
  withoutMemory(): FaultAnswer {
    return 'OOM';
  }

  /** Under the lock: puts a spare page where none is. */
  #install(arena: Arena, slot: number, index: number, spare: number): 'SIGSEGV' | 'OOM' | undefined {
    if (this.mustNotPopulate(arena) || this.#isReserved(arena, slot)) return 'SIGSEGV';
    if (arena.free.claimForFault(slot) !== undefined) return 'OOM';
    if (arena.window.map(index, spare)) return undefined;
    arena.free.rollBack(slot, 1);
    return 'SIGSEGV';
  }

  /** Whether a slot without a page may not be touched for being reserved: kernels do not know (L1). */
  #isReserved(arena: Arena, slot: number): boolean {
    return !this.#does('L1') && !arena.free.isFree(slot);
  }

  /** BPF_F_SEGV_ON_FAULT */
  mustNotPopulate(arena: Arena): boolean {
    return arena.segvOnFault;
  }

  /** The window index of a user page: its low 32 bits decide, not its place in the mapping. */
  indexOf(_arena: Arena, page: number): number {
    return page % SLOTS_PER_WINDOW;
  }

  /** A page for user space, with the reference of the entry to come. */
  share(frame: number): FaultAnswer {
    this.#parts.references.take(frame);
    return { frame };
  }
}

/** An arena as what stands behind a descriptor that user space maps. */
export class ArenaMapping implements Mappable, VmAreaOperations {
  readonly arena: Arena;
  readonly #side: ArenaUserSide;

  constructor(arena: Arena, side: ArenaUserSide) {
    this.arena = arena;
    this.#side = side;
  }

  unmappedArea(request: MapRequest): bigint | Errno {
    return this.#side.unmappedArea(this.arena, request);
  }

  map(area: VmArea): Errno | undefined {
    return this.#side.map(this.arena, this, area);
  }

  opened(area: VmArea): void {
    this.#side.opened(area);
  }

  closed(area: VmArea): void {
    this.#side.closed(this.arena, area);
  }

  mayInstall(_area: VmArea, page: number, frame: number): boolean {
    return this.#side.mayInstall(this.arena, page, frame);
  }

  maySplit(): boolean {
    return this.#side.maySplit(this.arena);
  }

  fault(area: VmArea, page: number): FaultAnswer {
    return this.#side.fault(this.arena, area, page);
  }
}
