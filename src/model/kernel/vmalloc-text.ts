import { type Journal, JournaledArray } from '../../base/journal.ts';
import { SIZE_2M } from '../../base/page.ts';
import { insertMerged, type Range, RangeTree } from '../../base/range-tree.ts';
import { isPowerOfTwo, roundUp } from '../../base/word.ts';
import type { Outcome } from './errno.ts';
import type { ExecutableMemory } from './executable-memory.ts';
import type { FailurePlan } from './failing.ts';
import type { KernelLog } from './kernel-log.ts';
import type { Window } from './layout.ts';
import { type Locks, vmallocTextMutex } from './locks.ts';
import type { SetMemory } from './set-memory.ts';
import { type BusyText, extentOf, type SharedText } from './shared-text.ts';
import { pageOfText, type TextAddress } from './text-address.ts';
import type { VmArea, Vmalloc } from './vmalloc.ts';

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
 * vmalloc_text_alloc() and vmalloc_text_free(): the text allocator that the reviews of 2022 asked for and nobody wrote. What the
 * mails state (L. Chamberlain, 2022-07-07 and -08; S. Liu's answer about a read-only allocator on top): a home in mm, a matching
 * free, permission changes and trap filling inside both, one API for modules, BPF, ftrace and kprobes, pages shared by its users
 * and written through text_poke().
 *
 * What they leave open is decided here, by what went wrong elsewhere: blocks of whole 2 MiB with a guard page, so that no chunk
 * lies in two; whole lines of 64 bytes, lowest address first; every permission change is looked at; traps at birth and at
 * death; a copy keeps the mutex from its check to its last byte; a free takes the address that was given out and no other; a
 * block goes back with its last chunk.
 */
export class VmallocText implements SharedText {
  readonly busy: RangeTree<BusyText>;
  readonly free: RangeTree<Range>;
  readonly blocks: JournaledArray<VmArea>;
  readonly freshByte = TRAP;
  readonly #parts: Parts;

  constructor(parts: Parts) {
    const { journal } = parts;
    this.#parts = parts;
    this.busy = new RangeTree(journal);
    this.free = new RangeTree(journal);
    this.blocks = new JournaledArray<VmArea>(journal);
  }

  /**
   * vmalloc_text_alloc(): read-only executable traps for at least `size` bytes; undefined stands for NULL, whatever the reason,
   * and then nothing has changed.
   * @param align in bytes, a power of two; less than a line counts as a line
   * @param cpu the CPU that fills a new block
   */
  allocate(size: number, align: number, cpu: number): TextAddress | undefined {
    if (size <= 0 || !isPowerOfTwo(align) || this.#parts.failing.next('descriptor of the chunk')) return undefined;
    const bytes = this.reserved(size);
    const alignment = Math.max(align, LINE);
    return this.#holding(() => {
      const room = this.findRoom(bytes, alignment) ?? this.#roomInNewBlock(bytes, cpu);
      if (room === undefined) return undefined;
      const start = roundUp(room.start, alignment);
      const chunk = { start, end: start + bytes };
      this.#cut(room, chunk);
      this.busy.insert(chunk);
      return start;
    });
  }

  /** Writes text: all of [to, to + length) lies in one chunk, or nothing is written and the answer is -EINVAL. */
  copy(to: TextAddress, bytes: Uint8Array, cpu: number): Outcome {
    const { memory, failing, log } = this.#parts;
    return this.#holding(() => {
      const chunk = this.busy.at(to);
      if (chunk === undefined || !this.holds(chunk, to, bytes.length)) {
        log.warn('vmalloc_text_copy: not inside one chunk of text');
        return '-EINVAL';
      }
      return !failing.next('text copy') && memory.pokeCopy(to, bytes, cpu) ? 0 : '-EINVAL';
    });
  }

  /** vmalloc_text_free(): an address that was not given out is warned of and nothing else happens; that of nothing is fine. */
  release(address: TextAddress | undefined, cpu: number): void {
    if (address === undefined) return;
    this.#holding(() => {
      const chunk = this.busy.at(address);
      if (chunk === undefined || !this.mayFree(chunk, address)) {
        this.#parts.log.warn('vmalloc_text_free: not the address of a chunk');
        return;
      }
      this.trap(chunk, cpu);
      this.busy.remove(chunk.start);
      this.#releaseIfWhole(insertMerged(this.free, chunk));
    });
  }

  /** What a request takes: whole lines. */
  reserved(size: number): number {
    return roundUp(size, LINE);
  }

  /** The lowest free text in which `size` bytes fit at a multiple of `align`. */
  findRoom(size: number, align: number): Range | undefined {
    return this.free.lowest(size, ({ start, end }) => roundUp(start, align) + size <= end);
  }

  /** Whether a copy stays inside the chunk. */
  holds({ end }: BusyText, to: TextAddress, length: number): boolean {
    return to + length <= end;
  }

  mayFree({ start }: BusyText, address: TextAddress): boolean {
    return start === address;
  }

  /** Whether free text is all of a block. */
  isWhole({ start, end }: Range, area: VmArea): boolean {
    const extent = extentOf(area);
    return start === extent.start && end === extent.end;
  }

  /** Fills what is freed with traps. */
  trap({ start, end }: Range, cpu: number): void {
    this.#parts.memory.pokeFill(start, TRAP, end - start, cpu);
  }

  /** Fresh memory, filled with traps while it can be written, then protected; undefined when any of that failed. */
  newBlock(size: number, cpu: number): VmArea | undefined {
    const { vmalloc, modules, nodes } = this.#parts;
    const area = vmalloc.allocate({
      sizeBytes: roundUp(size, SIZE_2M * nodes),
      window: modules,
      align: 512,
      allowHuge: true,
    });
    if (area === undefined) return undefined;
    this.fillBlock(area, cpu);
    if (this.protect(area)) return area;
    this.abandon(area);
    return undefined;
  }

  fillBlock(area: VmArea, cpu: number): void {
    this.#parts.memory.fill(area, TRAP, cpu);
  }

  /** Read-only, then executable: writable and executable at no time. */
  protect({ firstPage, pageCount }: VmArea): boolean {
    const { setMemory } = this.#parts;
    return setMemory.ro(firstPage, pageCount) === 0 && setMemory.x(firstPage, pageCount) === 0;
  }

  /** Not executable, then writable. */
  unprotect({ firstPage, pageCount }: VmArea): boolean {
    const { setMemory } = this.#parts;
    return setMemory.nx(firstPage, pageCount) === 0 && setMemory.rw(firstPage, pageCount) === 0;
  }

  /**
   * A block that could not be protected goes back as far as it got: its entries are reset by vfree() itself, which is possible
   * whatever changed, since the tables that a reset needs were split by the change.
   */
  abandon({ firstPage }: VmArea): void {
    const { vmalloc } = this.#parts;
    vmalloc.setFlushResetPerms(firstPage);
    vmalloc.free(firstPage);
  }

  #roomInNewBlock(size: number, cpu: number): Range | undefined {
    const area = this.newBlock(size, cpu);
    if (area === undefined) return undefined;
    this.blocks.push(area);
    this.free.insert(extentOf(area));
    return extentOf(area);
  }

  #cut(room: Range, { start, end }: Range): void {
    this.free.remove(room.start);
    if (room.start < start) this.free.insert({ start: room.start, end: start });
    if (end < room.end) this.free.insert({ start: end, end: room.end });
  }

  /** Gives a block back in which nothing is in use; one whose rights cannot be changed back stays, and serves again. */
  #releaseIfWhole(range: Range): void {
    const { vmalloc } = this.#parts;
    const area = range.end - range.start < SIZE_2M ? undefined : vmalloc.areaAt(pageOfText(range.start));
    if (area === undefined || !this.isWhole(range, area)) return;
    if (!this.unprotect(area)) {
      this.protect(area);
      return;
    }
    this.free.remove(range.start);
    this.blocks.remove(this.blocks.items.indexOf(area));
    vmalloc.free(area.firstPage);
  }

  #holding<Result>(body: () => Result): Result {
    return this.#parts.locks.holding(vmallocTextMutex, body);
  }
}

/** What two users never share: a cache line of instructions. */
const LINE = 64;
const TRAP = 0xcc;
