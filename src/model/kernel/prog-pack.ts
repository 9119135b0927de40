import { Bitmap } from '../../base/bitmap.ts';
import { type Journal, JournaledArray } from '../../base/journal.ts';
import { PAGE_SIZE } from '../../base/page.ts';
import { roundDown } from '../../base/word.ts';
import { CHUNK_BYTES, chunksFor } from './binary-header.ts';
import type { ExecutableArea, ExecutableMemory } from './executable-memory.ts';
import type { FailurePlan } from './failing.ts';
import type { KernelLog } from './kernel-log.ts';
import { type Locks, packMutex } from './locks.ts';
import type { ProgPackProfile } from './prog-pack-profile.ts';
import type { TextAddress } from './text-address.ts';

/** What x86 fills text with that nobody may run: INT3, by jit_fill_hole(). */
export const TRAP = 0xcc;

/** What the dispatcher fills its image with, and every chunk of a pack that is made for it. */
export const ZERO = 0;

/** One pack: executable memory cut into chunks of 64 bytes. A set bit is a chunk in use. */
export interface Pack {
  readonly address: TextAddress;
  readonly area: ExecutableArea;
  readonly chunks: Bitmap;
}

/** Text as a caller of the allocator holds it. */
export interface TextPiece {
  readonly address: TextAddress;
  /** As asked for, in bytes. */
  readonly size: number;
  /** Whether the caller still may use it. */
  live: boolean;
}

export interface ProgPackParts {
  readonly journal: Journal;
  readonly profile: ProgPackProfile;
  readonly memory: ExecutableMemory;
  readonly failing: FailurePlan;
  readonly locks: Locks;
  readonly log: KernelLog;
  /** Possible NUMA nodes. */
  readonly nodes: number;
}

/**
 * Models bpf_prog_pack of kernel/bpf/core.c: small programs share long-lived executable memory, so that loading one neither
 * changes permissions nor flushes every TLB.
 *
 * First fit by age of the pack, then by address. A pack is filled with traps and made read-only and executable once, when it
 * is made; it goes away with its last chunk. Predictor flushes for classic BPF, newer than 6.18, are left out: they choose
 * among packs only where a mitigation is switched on by hand.
 */
export class ProgPackAllocator {
  /** pack_list, oldest first. */
  readonly packs: JournaledArray<Pack>;
  /** BPF_PROG_PACK_SIZE, in bytes. */
  readonly packBytes: number;
  readonly #parts: ProgPackParts;

  constructor(parts: ProgPackParts) {
    const { journal, profile, nodes } = parts;
    this.#parts = parts;
    this.packs = new JournaledArray<Pack>(journal);
    this.packBytes = profile.packBytes * (profile.packGrowsWithNodes ? nodes : 1);
  }

  /**
   * bpf_prog_pack_alloc(): memory for `size` bytes of text, at a multiple of 64; undefined stands for NULL.
   * A request above the pack size gets an area of its own, which no list and no bitmap knows of.
   * @param cpu the CPU that fills a fresh pack, as long as it is writable
   */
  allocate(size: number, filler: number, cpu: number): TextAddress | undefined {
    return this.#parts.locks.holding(packMutex, () => {
      if (this.isDedicated(size)) return this.newArea(size, filler, cpu)?.address;
      const room = this.findRoom(chunksFor(size)) ?? this.#roomInNewPack(filler, cpu);
      if (room === undefined) return undefined;
      room.pack.chunks.setRange(room.first, chunksFor(size));
      return room.pack.address + room.first * CHUNK_BYTES;
    });
  }

  /**
   * bpf_prog_pack_free(): gives `size` bytes at `pointer` back. Whether they were ever handed out, and as one piece, is not
   * looked at. A pointer into no pack is only warned of.
   * @param cpu the CPU that pokes the traps in
   */
  free(pointer: TextAddress, size: number, cpu: number): void {
    this.#parts.locks.holding(packMutex, () => {
      if (this.isDedicated(size)) {
        this.#parts.memory.free(pointer);
        return;
      }
      const pack = this.packOf(pointer);
      if (pack === undefined) {
        this.#parts.log.warn('bpf_prog_pack bug');
        return;
      }
      this.invalidate(pointer, size, cpu);
      this.clear(pack, pointer, size);
      if (pack.chunks.isEmpty) this.release(pack);
    });
  }

  /** Whether a request is too large for any pack. One of exactly the pack's size still goes into a pack. */
  isDedicated(size: number): boolean {
    return size > this.packBytes;
  }

  /** The oldest pack with a run of clear chunks, and its lowest one. */
  findRoom(chunkCount: number): { readonly pack: Pack; readonly first: number } | undefined {
    for (const pack of this.packs.items) {
      const first = pack.chunks.firstClearRun(chunkCount);
      if (first !== undefined) return { pack, first };
    }
    return undefined;
  }

  /** Where an address lies, as a reader of /proc/kallsyms would sort it: which pack by age, which chunk. */
  placeOf(address: TextAddress): { readonly pack: number; readonly chunk: number } | 'dedicated' {
    const pack = this.packs.items.findIndex((one) => one.address <= address && address < one.address + this.packBytes);
    if (pack < 0) return 'dedicated';
    return { pack, chunk: Math.floor((address - this.packs.at(pack)!.address) / CHUNK_BYTES) };
  }

  /** The pack that the pointer lies in. */
  packOf(pointer: TextAddress): Pack | undefined {
    if (this.#parts.profile.packFoundBy === 'mask') {
      const address = roundDown(pointer, this.packBytes);
      return this.packs.items.find((pack) => pack.address === address);
    }
    return this.packs.items.find(({ address }) => address <= pointer && pointer < address + this.packBytes);
  }

  /** Fills freed text with traps: exactly `size` bytes, not whole chunks. */
  invalidate(pointer: TextAddress, size: number, cpu: number): void {
    if (this.#parts.profile.invalidatesFreedText) this.#parts.memory.pokeFill(pointer, TRAP, size, cpu);
  }

  /** Marks the chunks of `size` bytes at `pointer` as free; past the pack's end there are none. */
  clear(pack: Pack, pointer: TextAddress, size: number): void {
    const first = (pointer - pack.address) >>> 6;
    pack.chunks.clearRange(first, Math.min(chunksFor(size), pack.chunks.length - first));
  }

  /** Gives an empty pack's memory back at once: no pack ever stands idle. */
  release(pack: Pack): void {
    this.unlist(pack);
    if (this.#parts.profile.packReleased === 'unprotected') this.unprotect(pack.area);
    this.#parts.memory.free(pack.address);
  }

  unlist(pack: Pack): void {
    this.packs.remove(this.packs.items.indexOf(pack));
  }

  /** alloc_new_pack(): undefined, and nothing left behind, when an allocation or (where it is looked at) the protection fails. */
  newPack(filler: number, cpu: number): Pack | undefined {
    const { failing, profile, memory, journal } = this.#parts;
    if (failing.next('pack descriptor')) return undefined;
    const area = memory.allocate(this.packBytes, 'pack');
    if (area === undefined) return undefined;
    const pack = { address: area.address, area, chunks: new Bitmap(journal, this.packBytes / CHUNK_BYTES) };
    this.fillPack(pack, filler, cpu);
    this.requestReset(area);
    if (profile.packListed === 'before-protection') this.packs.push(pack);
    if (!this.protect(area)) {
      memory.free(area.address);
      return undefined;
    }
    if (profile.packListed === 'after-protection') this.packs.push(pack);
    return pack;
  }

  /** An area for one large request: filled and protected like a pack, listed nowhere. */
  newArea(size: number, filler: number, cpu: number): ExecutableArea | undefined {
    const { memory } = this.#parts;
    const area = memory.allocate(Math.ceil(size / PAGE_SIZE) * PAGE_SIZE);
    if (area === undefined) return undefined;
    memory.fill(area, filler, cpu);
    memory.resetPermissionsOnFree(area.address);
    if (this.protect(area)) return area;
    memory.free(area.address);
    return undefined;
  }

  /** Fills a fresh pack, while its memory can still be written. */
  fillPack({ area }: Pack, filler: number, cpu: number): void {
    if (this.#parts.profile.freshPack === 'filled') this.#parts.memory.fill(area, filler, cpu);
  }

  /**
   * set_vm_flush_reset_perms(): asks for the order of vfree() that leaves no stale permission behind. Asked for the address of
   * the descriptor, which lies in no vm area, it does nothing and says nothing.
   */
  requestReset(area: ExecutableArea): void {
    if (this.#parts.profile.resetPermissionsOf === 'memory') this.#parts.memory.resetPermissionsOnFree(area.address);
  }

  /** Makes fresh memory read-only and executable. False when that failed and the kernel looked. */
  protect(area: ExecutableArea): boolean {
    return this.#parts.memory.protect(area);
  }

  /** Makes a pack ordinary memory again: not executable first, then writable. Nobody looks at the results. */
  unprotect(area: ExecutableArea): void {
    this.#parts.memory.unprotect(area);
  }

  #roomInNewPack(filler: number, cpu: number): { readonly pack: Pack; readonly first: number } | undefined {
    const pack = this.newPack(filler, cpu);
    return pack === undefined ? undefined : { pack, first: 0 };
  }
}
