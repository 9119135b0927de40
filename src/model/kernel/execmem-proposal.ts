import { type Journal, JournaledArray } from '../../base/journal.ts';
import { SIZE_2M } from '../../base/page.ts';
import { insertMerged, type Range, RangeTree } from '../../base/range-tree.ts';
import { isPowerOfTwo, roundDown, roundUp } from '../../base/word.ts';
import type { ExecutableMemory } from './executable-memory.ts';
import type { FailurePlan } from './failing.ts';
import type { KernelLog } from './kernel-log.ts';
import type { Window } from './layout.ts';
import { freeTextAreaLock, type Locks, vmapAreaLock } from './locks.ts';
import type { SetMemory } from './set-memory.ts';
import { type BusyText, extentOf, type SharedText } from './shared-text.ts';
import type { TextAddress } from './text-address.ts';
import type { VmArea, Vmalloc } from './vmalloc.ts';

/** A block between vmalloc() and the free tree: private to whoever makes it. */
export interface NewBlock {
  readonly area: VmArea;
  /** all_text_vm as it was when the block was had: whoever links by it forgets blocks that came meanwhile. */
  readonly listWas: readonly VmArea[];
}

interface Parts {
  readonly journal: Journal;
  readonly modules: Window;
  readonly vmalloc: Vmalloc;
  readonly memory: ExecutableMemory;
  readonly setMemory: SetMemory;
  readonly failing: FailurePlan;
  readonly locks: Locks;
  readonly log: KernelLog;
  /** Online NUMA nodes. */
  readonly nodes: number;
}

/**
 * Models execmem_alloc(), execmem_fill() and execmem_free() as proposed in November 2022 (v5, never merged): all users of text
 * share read-only executable 2 MiB blocks, byte by byte, lowest address first.
 *
 * Blocks have no guard pages, so neighbours touch, free areas merge across them and a chunk may lie in two. In the kernel the
 * busy chunks stand in vmap_area_root without a vm, and blocks only in all_text_vm; here chunks have a tree of their own and
 * blocks stay in vmalloc's list, which nobody asks about an address of text.
 */
export class ExecmemProposal implements SharedText {
  readonly busy: RangeTree<BusyText>;
  /** free_text_area_root */
  readonly free: RangeTree<Range>;
  /** all_text_vm, the newest block first. */
  readonly blocks: JournaledArray<VmArea>;
  /** Fresh memory is zeroed, and trapped only when it is freed. */
  readonly freshByte = 0;
  readonly #parts: Parts;
  /** text_tail_vm */
  readonly #tail: { range: Range | undefined } = { range: undefined };

  constructor(parts: Parts) {
    const { journal } = parts;
    this.#parts = parts;
    this.busy = new RangeTree(journal);
    this.free = new RangeTree(journal);
    this.blocks = new JournaledArray<VmArea>(journal);
  }

  /**
   * execmem_alloc(): `size` bytes at a multiple of `align`; undefined stands for NULL, whatever the reason.
   *
   * What the proposal does with size 0 or an alignment that is no power of two is nowhere said; both are refused here, before
   * anything changes.
   * @param cpu the CPU that zeroes a new block
   */
  allocate(size: number, align: number, cpu: number): TextAddress | undefined {
    if (size <= 0 || !isPowerOfTwo(align) || this.#parts.failing.next('vmap_area')) return undefined;
    for (;;) {
      const room = this.findRoom(size, align);
      if (room !== undefined) return this.#take(room, roundUp(room.start, align), size);
      const block = this.newBlock(size);
      if (block === undefined) {
        this.giveUp();
        return undefined;
      }
      this.publish(block, cpu);
    }
  }

  get tail(): Range | undefined {
    return this.#tail.range;
  }

  /** Gives the free tree text that lies in no block; false when that happened before. */
  addTail(range: Range): boolean {
    if (this.tail !== undefined) return false;
    this.#parts.journal.set(this.#tail, 'range', range);
    insertMerged(this.free, range);
    return true;
  }

  /** execmem_free(): the chunk that holds the address; an address that nobody holds is only warned of. */
  release(address: TextAddress, cpu: number): void {
    const { locks, memory, log } = this.#parts;
    const chunk = this.#chunkAt(address);
    if (chunk === undefined) {
      log.warn('execmem_free: bad address');
      return;
    }
    this.busy.remove(chunk.start);
    const trapped = this.invalidated(chunk, address);
    memory.pokeFill(trapped.start, TRAP, trapped.end - trapped.start, cpu);
    locks.take(freeTextAreaLock);
    const block = this.#unlinkOneInside(insertMerged(this.free, chunk));
    locks.release(freeTextAreaLock);
    if (block !== undefined) this.#giveBack(block);
  }

  /**
   * The first half of execmem_fill(): finds the chunk that holds all of [to, to + length). The end itself and length 0 are
   * inside. A length that reaches around the end of the address space would pass the kernel's check (derived); no caller has
   * so many bytes, and it is refused here.
   */
  lookUp(to: TextAddress, length: number): BusyText | '-EINVAL' {
    const chunk = this.#chunkAt(to);
    if (chunk !== undefined && this.holds(chunk, to, length)) return chunk;
    this.#parts.log.warn('execmem_fill: not inside one chunk of text');
    return '-EINVAL';
  }

  /** The second half: the copy, after the lock was dropped. Whoever freed the chunk in between is not noticed. */
  copy(to: TextAddress, bytes: Uint8Array, cpu: number): TextAddress | '-EINVAL' {
    const { failing, memory } = this.#parts;
    return !failing.next('text copy') && memory.pokeCopy(to, bytes, cpu) ? to : '-EINVAL';
  }

  /** execmem_fill() in one go. */
  fill(to: TextAddress, bytes: Uint8Array, cpu: number): TextAddress | '-EINVAL' {
    const chunk = this.lookUp(to, bytes.length);
    return chunk === '-EINVAL' ? chunk : this.copy(to, bytes, cpu);
  }

  /** Whether a fill stays inside the chunk. */
  holds({ end }: BusyText, to: TextAddress, length: number): boolean {
    return length >= 0 && to + length <= end;
  }

  /** The lowest free area in which `size` bytes fit at a multiple of `align`. */
  findRoom(size: number, align: number): Range | undefined {
    const { locks } = this.#parts;
    locks.take(freeTextAreaLock);
    const room = this.free.lowest(size, ({ start, end }) => roundUp(start, align) + size <= end);
    locks.release(freeTextAreaLock);
    return room;
  }

  /** What a free fills with traps: from the given address on, for the whole length of the chunk (as v5 has it). */
  invalidated({ start, end }: BusyText, address: TextAddress): Range {
    return { start: address, end: address + (end - start) };
  }

  /** vmalloc() of whole 2 MiB pages per node, writable and not executable. */
  newBlock(size: number): NewBlock | undefined {
    const { vmalloc, modules, nodes } = this.#parts;
    const sizeBytes = roundUp(size, SIZE_2M * nodes);
    const area = vmalloc.allocate({ sizeBytes, window: modules, align: 512, allowHuge: true, guard: false });
    return area === undefined ? undefined : { area, listWas: this.blocks.items.slice() };
  }

  /** move_vmap_to_free_text_tree(): zeroed, read-only, then executable, then everybody's. Nobody looks at the results. */
  publish(block: NewBlock, cpu: number): void {
    const { memory, locks } = this.#parts;
    memory.fill(block.area, this.freshByte, cpu);
    this.protect(block.area);
    locks.take(freeTextAreaLock);
    this.link(block);
    insertMerged(this.free, extentOf(block.area));
    locks.release(freeTextAreaLock);
  }

  protect({ firstPage, pageCount }: VmArea): void {
    const { setMemory } = this.#parts;
    setMemory.ro(firstPage, pageCount);
    setMemory.x(firstPage, pageCount);
  }

  /** Puts a block at the head of all_text_vm. */
  link({ area }: NewBlock): void {
    this.blocks.insert(0, area);
  }

  /** Takes a block out of all_text_vm. */
  unlink(area: VmArea): void {
    this.blocks.remove(this.blocks.items.indexOf(area));
  }

  /** The error path after vmalloc() failed; the lock was dropped before that. */
  giveUp(): void {}

  /** Makes a block ordinary memory again and frees it: not executable first, then writable. */
  unprotect({ firstPage, pageCount }: VmArea): void {
    const { setMemory } = this.#parts;
    setMemory.nx(firstPage, pageCount);
    setMemory.rw(firstPage, pageCount);
  }

  /** Cuts [start, start + size) out of the area: all of it, its left or right end, or its middle, which needs a descriptor. */
  #take(room: Range, start: TextAddress, size: number): TextAddress | undefined {
    const end = start + size;
    const isMiddle = room.start < start && end < room.end;
    if (isMiddle && this.#parts.failing.next('vmap_area of the rest')) return undefined;
    this.cut(room, { start, end });
    this.busy.insert({ start, end });
    return start;
  }

  /** Leaves of a free area what lies outside the part. */
  cut(room: Range, { start, end }: Range): void {
    this.free.remove(room.start);
    if (room.start < start) this.free.insert({ start: room.start, end: start });
    if (end < room.end) this.free.insert({ start: end, end: room.end });
  }

  #chunkAt(address: TextAddress): BusyText | undefined {
    const { locks } = this.#parts;
    locks.take(vmapAreaLock);
    const chunk = this.busy.at(address);
    locks.release(vmapAreaLock);
    return chunk;
  }

  /** At most one block goes with each free: the first on the list that lies in the merged free area's whole 2 MiB pages. */
  #unlinkOneInside(merged: Range): VmArea | undefined {
    const whole = { start: roundUp(merged.start, SIZE_2M), end: roundDown(merged.end, SIZE_2M) };
    const block = this.blocks.items.find((area) => {
      const { start, end } = extentOf(area);
      return whole.start <= start && end <= whole.end;
    });
    if (block === undefined) return undefined;
    this.unlink(block);
    if (this.#parts.failing.next('vmap_area, atomic')) {
      this.blocks.insert(0, block);
      return undefined;
    }
    this.cut(merged, extentOf(block));
    return block;
  }

  #giveBack(block: VmArea): void {
    this.unprotect(block);
    this.#parts.vmalloc.free(block.firstPage);
  }
}

const TRAP = 0xcc;
