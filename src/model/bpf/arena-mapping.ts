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
import type { Arena, VmaRecord } from './arena.ts';
import { LARGEST_ARENA, SLOTS_PER_WINDOW } from './arena-address.ts';
import { placePage } from './arena-pages.ts';

const WINDOW_ROUND = BigInt(LARGEST_ARENA) - 1n;

/** The arena as user space maps it: kernel/bpf/arena.c's get_unmapped_area, mmap and vm_operations. */
export class ArenaMapping implements Mappable, VmAreaOperations {
  readonly arena: Arena;

  constructor(arena: Arena) {
    this.arena = arena;
  }

  /** arena_get_unmapped_area(): twice the length is asked for, so that a range that crosses 4 GiB can be moved up. */
  unmappedArea(request: MapRequest): bigint | Errno {
    const { userStart, userPages } = this.arena;
    const { pageCount, filePage, address } = request;
    if (filePage !== 0) return '-EINVAL';
    if (pageCount > SLOTS_PER_WINDOW) return '-E2BIG';
    if (userStart !== 0n) {
      if (pageCount > userPages) return '-E2BIG';
      if (pageCount !== userPages || address !== userStart) return '-EINVAL';
    }
    const found = unmappedArea(request, 2 * pageCount);
    if (typeof found === 'string') return this.arena.surroundings.profile.unmappedAreaError === 'zero' ? 0n : found;
    const last = found + BigInt(pageCount) * 4096n - 1n;
    if (found >> 32n === last >> 32n) return found;
    return userStart !== 0n ? '-EFAULT' : (found + WINDOW_ROUND) & ~WINDOW_ROUND;
  }

  /** bpf_map_mmap(), then arena_map_mmap(). The first mapping fixes the user's range for the life of the map. */
  map(area: VmArea): Errno | undefined {
    const { arena } = this;
    const writes = (area.rights & PROT_WRITE) !== 0;
    if (!area.shared) return '-EINVAL';
    if (writes && arena.frozen) return '-EPERM';

    const start = BigInt(area.first) << 12n;
    const end = BigInt(area.end) << 12n;
    if (arena.userStart !== 0n && arena.userStart !== start) return '-EBUSY';
    if (arena.userEnd !== 0n && arena.userEnd !== end) return '-EBUSY';
    const { profile, failing } = arena.surroundings;
    if (failing.next('vma record')) return '-ENOMEM';
    this.remember(area);
    if (arena.userStart !== start) arena.set('userStart', start);
    if (arena.userEnd !== end) arena.set('userEnd', end);
    area.change({
      operations: this,
      mayRights: area.mayRights & ~(writes ? PROT_EXEC : PROT_EXEC | PROT_WRITE),
      dontExpand: true,
      dontCopy: profile.areasAreWhole,
    });
    if (writes) arena.set('writers', arena.writers + 1);
    return undefined;
  }

  opened(area: VmArea): void {
    const record = area.privateData as VmaRecord;
    if (this.arena.surroundings.profile.sharersCounted) {
      this.arena.surroundings.journal.set(record, 'sharers', record.sharers + 1);
    }
  }

  /** The last sharer takes the record away. Until 7.1 the record may outlive the area that it names (F21). */
  closed(area: VmArea): void {
    const record = area.privateData as VmaRecord;
    const { records, surroundings } = this.arena;
    surroundings.journal.set(record, 'sharers', record.sharers - 1);
    if (record.sharers === 0) records.remove(records.items.indexOf(record));
  }

  maySplit(): boolean {
    return !this.arena.surroundings.profile.areasAreWhole;
  }

  /**
   * arena_vm_fault(): a page that is present is shared; otherwise the flag decides, then the book of slots, then memory.
   * The answer carries a reference for the entry that mm will install.
   */
  fault(area: VmArea, page: number): FaultAnswer {
    const { arena } = this;
    const { references, profile } = arena.surroundings;
    const index = page % SLOTS_PER_WINDOW;
    const present = arena.window.frameAt(index);
    if (present !== undefined) {
      if (present === arena.scratch) return 'SIGSEGV';
      references.take(present);
      return { frame: present };
    }
    if (arena.segvOnFault) return 'SIGSEGV';
    const slot = page - area.first + area.filePage;
    if (arena.free.claimForFault(slot) !== undefined) return profile.faultWithoutMemory;
    if (!placePage(arena, index)) {
      arena.free.rollBack(slot, 1);
      return profile.faultWithoutMemory;
    }
    const frame = arena.window.frameAt(index) as number;
    references.take(frame);
    return { frame };
  }

  remember(area: VmArea): void {
    const record: VmaRecord = { area, sharers: 1 };
    this.arena.records.push(record);
    area.change({ privateData: record });
  }
}
