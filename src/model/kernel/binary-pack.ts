import type { Journal } from '../../base/journal.ts';
import { binarySize, HEADER_BYTES, PACKED, startHole, startOffset } from './binary-header.ts';
import type { ExecutableMemory } from './executable-memory.ts';
import type { FailurePlan } from './failing.ts';
import type { JitLimit } from './jit-limit.ts';
import { KernelBuffer } from './kernel-buffer.ts';
import type { KernelLog } from './kernel-log.ts';
import { TRAP } from './prog-pack.ts';
import type { ProgPackProfile } from './prog-pack-profile.ts';
import type { TextAddress } from './text-address.ts';
import type { TextSlices } from './text-slices.ts';

/** What the JIT keeps of one program: where its text is, and the buffer it writes until the program is finalized. */
export interface Binary {
  /** Bytes of machine code and tables asked for. */
  readonly length: number;
  /** ro_header: the allocation's first byte. */
  readonly header: TextAddress;
  /** Where the program will run: the header's 8 bytes, then the random start. */
  readonly image: TextAddress;
  /** rw_header; the same layout in memory that can be written. */
  readonly buffer: KernelBuffer;
  /** rw_image: where in the buffer the image begins, in bytes. */
  readonly bufferOffset: number;
  /**
   * jiting: the buffer is the truth. live: the text is. unfinished: its finalize failed, and the JIT forgot it.
   * freed: nothing of it is left.
   */
  state: 'jiting' | 'live' | 'unfinished' | 'freed';
}

export interface BinaryRequest {
  readonly length: number;
  /** Alignment of the image: 1, 2, 4 or 8. */
  readonly align: number;
  /** What the random generator gives for the start. */
  readonly random: number;
  readonly capable: boolean;
  readonly cpu: number;
}

export interface BinaryPackParts {
  readonly journal: Journal;
  readonly profile: ProgPackProfile;
  readonly packs: TextSlices;
  readonly memory: ExecutableMemory;
  readonly limit: JitLimit;
  readonly failing: FailurePlan;
  readonly log: KernelLog;
}

/**
 * Models bpf_jit_binary_pack_alloc(), _finalize() and _free() of kernel/bpf/core.c and how the x86 JIT uses them: machine
 * code is built in a writable buffer with the displacements of its final place, then copied there in one go.
 *
 * Until that copy the text holds only traps, its header included, so that its size field reads 0xcccccccc. Each known bug
 * here freed by that field. The passes of the JIT and what it emits are left out: the allocator sees only the final length.
 */
export class BinaryPack {
  readonly #parts: BinaryPackParts;

  constructor(parts: BinaryPackParts) {
    this.#parts = parts;
  }

  /** Whether a program of this length comes here: the first proposal sent those above a pack's size to the page-style allocator. */
  takes(length: number): boolean {
    const { profile, packs } = this.#parts;
    if (profile.textOf === 'own-pages') return false;
    return profile.largeRequests === 'dedicated-area' || !packs.isDedicated(binarySize(length, PACKED));
  }

  /** bpf_jit_binary_pack_alloc(): undefined stands for NULL, for want of memory and beyond the JIT limit alike. */
  allocate(request: BinaryRequest): Binary | undefined {
    const { journal, log, packs, failing, profile, memory } = this.#parts;
    const { length, align, random, capable, cpu } = request;
    const size = binarySize(length, PACKED);
    if (!this.charge(size, capable)) return undefined;
    const header = packs.allocate(size, TRAP, cpu);
    if (header === undefined) {
      this.uncharge(size);
      return undefined;
    }
    if (failing.next('RW buffer')) {
      this.freeWithoutBuffer(header, size, cpu);
      this.uncharge(size);
      return undefined;
    }
    const buffer = new KernelBuffer(journal, log, { size, fill: TRAP });
    buffer.write(0, littleEndian(size));
    if (profile.unfinalizedHeader === 'poked') memory.pokeCopy(header, littleEndian(size), cpu);
    const start = HEADER_BYTES + startOffset(random, this.startHole(size, length), align);
    return { length, header, image: header + start, buffer, bufferOffset: this.bufferOffset(start), state: 'jiting' };
  }

  /** The JIT writes machine code into the buffer, at `offset` of the image. */
  emit({ buffer, bufferOffset }: Binary, offset: number, code: Uint8Array): void {
    buffer.write(bufferOffset + offset, code);
  }

  /** bpf_jit_binary_pack_finalize(): the buffer becomes text and is gone, whether or not the copy succeeds. */
  finalize(binary: Binary, cpu: number): '0' | '-EINVAL' {
    const copied = this.copy(binary, cpu);
    if (!copied) this.abandon(binary, cpu);
    binary.buffer.free();
    this.#become(binary, copied ? 'live' : 'unfinished');
    return copied ? '0' : '-EINVAL';
  }

  /**
   * bpf_jit_binary_pack_free(), as it is reached from the JIT's error path and from bpf_jit_free(): a program that was not
   * finalized has its size poked into the text first, because the size to free is read there.
   */
  free(binary: Binary, cpu: number): void {
    const finished = binary.state !== 'jiting';
    if (!finished && this.#parts.profile.unfinishedSize === 'in-text') this.pokeSize(binary, cpu);
    const size = finished ? this.sizeInText(binary, cpu) : this.sizeOfUnfinished(binary, cpu);
    this.freeText(binary.header, size, cpu);
    if (!finished) this.releaseBuffer(binary);
    this.uncharge(size ?? 0);
    this.#become(binary, 'freed');
  }

  /**
   * bpf_jit_free(): also ends a program whose last pass never ran, by finalizing it first. The result of that is not looked
   * at, so a failed copy ends in freeing by whatever the header then reads.
   */
  release(binary: Binary, cpu: number): void {
    if (binary.state === 'jiting') this.settle(binary, cpu);
    const size = this.sizeInText(binary, cpu);
    this.freeText(this.headerOf(binary), size, cpu);
    this.uncharge(size ?? 0);
    this.#become(binary, 'freed');
  }

  /** What is done about a program that reaches bpf_jit_free() unfinished. */
  settle(binary: Binary, cpu: number): void {
    if (this.#parts.profile.unfinalizedFree === 'finalizes') this.finalize(binary, cpu);
  }

  /** bpf_jit_binary_pack_hdr(): the header is found from the function's address alone. */
  headerOf({ image }: Binary): TextAddress {
    return image & ~(PACKED.unit - 1);
  }

  charge(size: number, capable: boolean): boolean {
    const { limit } = this.#parts;
    return limit.charge(this.amount(size), capable);
  }

  uncharge(size: number): void {
    this.#parts.limit.uncharge(this.amount(size));
  }

  /** What a size costs, in the limit's units. */
  amount(size: number): number {
    return Math.ceil(size / this.#parts.limit.unit);
  }

  /** How many bytes the random start is drawn from: never so many that the image would begin in another chunk. */
  startHole(size: number, length: number): number {
    return startHole(size, length, PACKED);
  }

  /** Where the image starts in the buffer: where it starts in the text. */
  bufferOffset(start: number): number {
    return start;
  }

  /** The error path of an allocation that got text but no buffer: its header was never written, its size is at hand. */
  freeWithoutBuffer(header: TextAddress, size: number, cpu: number): void {
    const { packs, profile, memory } = this.#parts;
    if (profile.sizeAtFree === 'header') memory.pokeCopy(header, littleEndian(size), cpu);
    packs.free(header, size, cpu);
  }

  /**
   * What finalize does about the text when the copy failed: newer kernels nothing, older ones free what the header says, and
   * the first proposal stopped with BUG_ON() (until f95f768f0af4).
   */
  abandon(binary: Binary, cpu: number): void {
    const { profile, log } = this.#parts;
    switch (profile.failedFinalize) {
      case 'leaves-text':
        return;
      case 'frees-text':
        this.freeText(binary.header, this.sizeInText(binary, cpu), cpu);
        return;
      case 'stops-the-machine':
        log.bug('bpf_jit_binary_pack_finalize failed');
        return;
    }
  }

  /** Copies the whole buffer over the text. */
  copy({ header, buffer }: Binary, cpu: number): boolean {
    const { failing, memory } = this.#parts;
    return !failing.next('text copy') && memory.pokeCopy(header, buffer.view(), cpu);
  }

  pokeSize({ header, buffer }: Binary, cpu: number): void {
    this.#parts.memory.pokeCopy(header, buffer.view().slice(0, 4), cpu);
  }

  /** ro_header->size as it reads now; undefined where the text is gone, and the task that looked with it. */
  sizeInText({ header }: Binary, cpu: number): number | undefined {
    return this.#parts.memory.readWord(header, cpu);
  }

  /** The size of a program whose buffer is still there. */
  sizeOfUnfinished(binary: Binary, cpu: number): number | undefined {
    if (this.#parts.profile.unfinishedSize === 'in-text') return this.sizeInText(binary, cpu);
    return new DataView(binary.buffer.view().buffer).getUint32(0, true);
  }

  freeText(header: TextAddress, size: number | undefined, cpu: number): void {
    if (size !== undefined) this.#parts.packs.free(header, size, cpu);
  }

  releaseBuffer({ buffer }: Binary): void {
    buffer.free();
  }

  #become(binary: Binary, state: Binary['state']): void {
    this.#parts.journal.set(binary, 'state', state);
  }
}

/** A 32-bit word as its bytes lie in memory. */
function littleEndian(word: number): Uint8Array {
  return new Uint8Array(new Uint32Array([word]).buffer);
}
