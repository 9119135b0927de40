import type { Journal } from '../../base/journal.ts';
import { PAGE_SIZE } from '../../base/page.ts';
import { roundUp } from '../../base/word.ts';
import { binarySize, HEADER_BYTES, PACKED, PAGED, startHole, startOffset } from './binary-header.ts';
import type { ExecutableArea, ExecutableMemory } from './executable-memory.ts';
import type { JitLimit } from './jit-limit.ts';
import { TRAP } from './prog-pack.ts';
import type { ProgPackProfile } from './prog-pack-profile.ts';
import type { TextAddress } from './text-address.ts';

/** A program with pages of its own. */
export interface PagedBinary {
  readonly length: number;
  readonly header: TextAddress;
  readonly image: TextAddress;
  readonly area: ExecutableArea;
  /** writable: the JIT is at work in place. locked: read-only and executable. freed: its pages are gone. */
  state: 'writable' | 'locked' | 'freed';
}

export interface PagedRequest {
  readonly length: number;
  readonly align: number;
  readonly random: number;
  readonly capable: boolean;
  readonly cpu: number;
}

export interface PerProgramTextParts {
  readonly journal: Journal;
  readonly profile: ProgPackProfile;
  readonly memory: ExecutableMemory;
  readonly limit: JitLimit;
}

/**
 * Models bpf_jit_binary_alloc(), _lock_ro() and _free() of kernel/bpf/core.c up to 5.17, and what the introduction of packs
 * kept them for: every program has whole pages of its own, written in place, then made read-only and executable.
 *
 * This is what packs were made against: each load splits the direct map, each load and unload flushes every TLB, and a
 * program of 20 bytes costs a page. Later kernels keep it for architectures without text poking; those are left out.
 */
export class PerProgramText {
  readonly #parts: PerProgramTextParts;

  constructor(parts: PerProgramTextParts) {
    this.#parts = parts;
  }

  /** Whether a program of this length comes here: all of them, or those that the first proposal's packs were too small for. */
  takes(length: number): boolean {
    const { textOf, largeRequests, packBytes } = this.#parts.profile;
    return textOf === 'own-pages' || (largeRequests === 'own-pages' && binarySize(length, PACKED) > packBytes);
  }

  /** bpf_jit_binary_alloc(): filled with traps and still writable; undefined stands for NULL. */
  allocate({ length, align, random, capable, cpu }: PagedRequest): PagedBinary | undefined {
    const { memory, limit } = this.#parts;
    const size = this.size(length);
    if (!limit.charge(this.amount(size), capable)) return undefined;
    const area = memory.allocate(size);
    if (area === undefined) {
      limit.uncharge(this.amount(size));
      return undefined;
    }
    memory.fill(area, TRAP, cpu);
    memory.write(area, 0, new Uint8Array(new Uint32Array([size / PAGE_SIZE]).buffer), cpu);
    const start = HEADER_BYTES + startOffset(random, startHole(size, length, PAGED), align);
    return { length, header: area.address, image: area.address + start, area, state: 'writable' };
  }

  /** The JIT writes machine code in place. */
  emit({ area, header, image }: PagedBinary, offset: number, code: Uint8Array, cpu: number): void {
    this.#parts.memory.write(area, image - header + offset, code, cpu);
  }

  /** bpf_jit_binary_lock_ro(): nobody looks at whether it worked. */
  lock(binary: PagedBinary): void {
    this.requestReset(binary);
    this.#parts.memory.protect(binary.area);
    this.#become(binary, 'locked');
  }

  /** bpf_jit_binary_free(). */
  free(binary: PagedBinary): void {
    const { memory, limit } = this.#parts;
    memory.free(binary.header);
    limit.uncharge(this.amount(binary.area.pageCount * PAGE_SIZE));
    this.#become(binary, 'freed');
  }

  /** What vfree() must undo: see {@link ProgPackAllocator}. */
  requestReset({ area }: PagedBinary): void {
    this.#parts.memory.resetPermissionsOnFree(area.address);
  }

  /** Bytes for an image: whole pages; whole PMDs where only programs too large for a pack come here. */
  size(length: number): number {
    const { textOf, packBytes } = this.#parts.profile;
    return roundUp(binarySize(length, PAGED), textOf === 'packs' ? packBytes : PAGE_SIZE);
  }

  /** What a size costs, in the limit's units. */
  amount(size: number): number {
    return Math.ceil(size / this.#parts.limit.unit);
  }

  #become(binary: PagedBinary, state: PagedBinary['state']): void {
    this.#parts.journal.set(binary, 'state', state);
  }
}
