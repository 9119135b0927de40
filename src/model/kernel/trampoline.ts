import type { Journal } from '../../base/journal.ts';
import { PAGE_SIZE } from '../../base/page.ts';
import type { ExecutableMemory } from './executable-memory.ts';
import type { FailurePlan } from './failing.ts';
import type { JitLimit } from './jit-limit.ts';
import { KernelBuffer } from './kernel-buffer.ts';
import type { KernelLog } from './kernel-log.ts';
import { TRAP } from './prog-pack.ts';
import type { ProgPackProfile } from './prog-pack-profile.ts';
import type { TextAddress } from './text-address.ts';
import type { TextSlices } from './text-slices.ts';

/** Executable memory without a header: whoever made it knows its size. */
export interface Trampoline {
  readonly image: TextAddress;
  /** In bytes, never rounded: what is allocated, invalidated and (unless it is a struct_ops page of an old kernel) charged. */
  readonly size: number;
  readonly charged: number;
}

/** Who asks, and where it runs. */
export interface Caller {
  readonly capable: boolean;
  readonly cpu: number;
}

export interface TrampolineParts {
  readonly journal: Journal;
  readonly profile: ProgPackProfile;
  readonly packs: TextSlices;
  readonly memory: ExecutableMemory;
  readonly limit: JitLimit;
  readonly failing: FailurePlan;
  readonly log: KernelLog;
}

/**
 * Models trampolines in packs (x86 since 6.8): kernel/bpf/trampoline.c, arch_alloc/prepare/free_bpf_trampoline() of
 * arch/x86/net/bpf_jit_comp.c, and the page of trampolines that a struct_ops map owns.
 *
 * What a trampoline does is left out. Earlier kernels give each one a page of its own, which is the page-style allocator
 * over again; the profiles that did so have no trampolines here.
 */
export class Trampolines {
  readonly #parts: TrampolineParts;

  constructor(parts: TrampolineParts) {
    this.#parts = parts;
  }

  /** bpf_tramp_image_alloc(): `size` bytes, at most a page. */
  allocate(size: number, caller: Caller): Trampoline | '-EPERM' | '-ENOMEM' {
    return this.#allocate(size, this.amount(size), caller);
  }

  /** bpf_struct_ops_image_alloc(): one page, charged since 6.7. */
  allocateStructOpsPage(caller: Caller): Trampoline | '-EPERM' | '-ENOMEM' {
    return this.#allocate(PAGE_SIZE, this.structOpsAmount(), caller);
  }

  /**
   * arch_prepare_bpf_trampoline(): builds `code` in a buffer of the image's size and copies the whole of it.
   * Code that does not fit is -EFAULT, seen only after the buffer was had.
   */
  prepare({ image, size }: Trampoline, code: Uint8Array, cpu: number): '0' | '-ENOMEM' | '-EFAULT' | '-EINVAL' {
    const { journal, log, failing, memory } = this.#parts;
    if (failing.next('RW buffer')) return '-ENOMEM';
    const buffer = new KernelBuffer(journal, log, { size, fill: TRAP });
    const fits = this.fits(code.length, size);
    if (fits) buffer.write(0, code.subarray(0, size));
    const copied = fits && !failing.next('text copy') && memory.pokeCopy(image, buffer.view(), cpu);
    buffer.free();
    if (!fits) return '-EFAULT';
    return copied ? '0' : '-EINVAL';
  }

  /** bpf_tramp_image_free(), or the end of a struct_ops page. */
  free({ image, size, charged }: Trampoline, cpu: number): void {
    this.#parts.packs.free(image, size, cpu);
    this.uncharge(charged);
  }

  fits(length: number, size: number): boolean {
    return length <= size;
  }

  /** What a trampoline of `size` bytes costs, in the limit's units. */
  amount(size: number): number {
    return Math.ceil(size / this.#parts.limit.unit);
  }

  /** What a page of struct_ops trampolines costs. */
  structOpsAmount(): number {
    return this.#parts.profile.chargesStructOpsImage ? this.amount(PAGE_SIZE) : 0;
  }

  uncharge(amount: number): void {
    this.#parts.limit.uncharge(amount);
  }

  #allocate(size: number, amount: number, { capable, cpu }: Caller): Trampoline | '-EPERM' | '-ENOMEM' {
    const { packs, limit } = this.#parts;
    if (amount > 0 && !limit.charge(amount, capable)) return '-EPERM';
    const image = packs.allocate(size, TRAP, cpu);
    if (image !== undefined) return { image, size, charged: amount };
    if (amount > 0) this.uncharge(amount);
    return '-ENOMEM';
  }
}
