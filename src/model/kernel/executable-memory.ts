import { PAGE_SIZE } from '../../base/page.ts';
import type { Machine } from '../machine/machine.ts';
import type { KernelAccess } from './kernel-access.ts';
import type { KernelLog } from './kernel-log.ts';
import type { Window } from './layout.ts';
import type { ProgPackProfile } from './prog-pack-profile.ts';
import type { SetMemory } from './set-memory.ts';
import { describeText, pageOfText, type TextAddress, textAddress } from './text-address.ts';
import type { TextPoke } from './text-poke.ts';
import type { Vmalloc } from './vmalloc.ts';

/** Module memory that a BPF allocator got. */
export interface ExecutableArea {
  readonly address: TextAddress;
  readonly firstPage: number;
  readonly pageCount: number;
}

export interface ExecutableMemoryParts {
  readonly machine: Machine;
  readonly profile: ProgPackProfile;
  readonly modules: Window;
  readonly vmalloc: Vmalloc;
  readonly setMemory: SetMemory;
  readonly textPoke: TextPoke;
  readonly access: KernelAccess;
  readonly log: KernelLog;
}

/**
 * How BPF gets, writes, protects and gives back memory in the module window: bpf_jit_alloc_exec() (module_alloc(), then
 * execmem_alloc(EXECMEM_BPF) from 6.10), bpf_arch_text_copy(), bpf_arch_text_invalidate(), bpf_jit_free_exec(). The
 * allocators above know only these.
 */
export class ExecutableMemory {
  readonly #parts: ExecutableMemoryParts;

  constructor(parts: ExecutableMemoryParts) {
    this.#parts = parts;
  }

  /**
   * bpf_jit_alloc_exec(), or module_alloc_huge() for a pack: writable, not executable, whole pages; whole 2 MiB pages where the
   * kernel maps such memory so.
   */
  allocate(bytes: number, purpose: 'pack' | 'any' = 'any'): ExecutableArea | undefined {
    const { vmalloc, modules, profile } = this.#parts;
    const allowHuge = profile.largeLeaves === 'everywhere' || profile.largeLeaves === purpose;
    const area = vmalloc.allocate({ sizeBytes: bytes, window: modules, allowHuge });
    if (area === undefined) return undefined;
    const { firstPage, pageCount } = area;
    return { address: textAddress(firstPage), firstPage, pageCount };
  }

  /** Fills writable memory, by plain stores of a CPU. */
  fill({ firstPage, pageCount }: Pick<ExecutableArea, 'firstPage' | 'pageCount'>, byte: number, cpu: number): void {
    const fault = this.#parts.access.fill(this.#parts.machine.cpu(cpu), firstPage, pageCount, byte);
    if (fault !== undefined) this.#parts.log.bug('unable to handle page fault while filling fresh text');
  }

  /** Writes writable memory, by plain stores of a CPU. */
  write({ firstPage }: Pick<ExecutableArea, 'firstPage'>, offset: number, bytes: Uint8Array, cpu: number): void {
    const fault = this.#parts.access.write(this.#parts.machine.cpu(cpu), firstPage, offset, bytes);
    if (fault !== undefined) this.#parts.log.bug('unable to handle page fault while writing text in place');
  }

  /** set_vm_flush_reset_perms(): nothing happens, and nothing is said, when no area holds the address. */
  resetPermissionsOnFree(address: TextAddress): void {
    this.#parts.vmalloc.setFlushResetPerms(pageOfText(address));
  }

  /** Makes an area read-only and executable. False when that failed and the kernel looks at the result. */
  protect({ firstPage, pageCount }: ExecutableArea): boolean {
    const { setMemory, profile } = this.#parts;
    if (profile.protection === 'rox') return setMemory.rox(firstPage, pageCount) === 0;
    setMemory.ro(firstPage, pageCount);
    setMemory.x(firstPage, pageCount);
    return true;
  }

  /** Makes an area not executable, then writable: at no time both. Nobody looks at the results. */
  unprotect({ firstPage, pageCount }: ExecutableArea): void {
    const { setMemory } = this.#parts;
    setMemory.nx(firstPage, pageCount);
    setMemory.rw(firstPage, pageCount);
  }

  /** bpf_arch_text_copy(): false stands for -EINVAL. */
  pokeCopy(address: TextAddress, bytes: Uint8Array, cpu: number): boolean {
    return this.#parts.textPoke.copy(this.#parts.machine.cpu(cpu), placeOf(address), bytes);
  }

  /** bpf_arch_text_invalidate() with the byte it fills with. A failure is warned of and changes nothing for the caller. */
  pokeFill(address: TextAddress, byte: number, length: number, cpu: number): void {
    const { textPoke, machine, log } = this.#parts;
    if (!textPoke.set(machine.cpu(cpu), placeOf(address), byte, length)) log.warn('bpf_arch_text_invalidate failed');
  }

  /** Four bytes of text as a CPU reads them; undefined after a BUG where nothing is mapped. */
  readWord(address: TextAddress, cpu: number): number | undefined {
    const { access, machine, log } = this.#parts;
    const bytes = access.read(machine.cpu(cpu), pageOfText(address), address & (PAGE_SIZE - 1), 4);
    if (bytes instanceof Uint8Array) return new DataView(bytes.buffer).getUint32(0, true);
    log.bug(`unable to handle page fault for address ${describeText(address)}`);
    return undefined;
  }

  /** bpf_jit_free_exec(): vfree(), which frees the whole area that a page-aligned address lies in, and only warns of others. */
  free(address: TextAddress): void {
    if (address % PAGE_SIZE === 0) this.#parts.vmalloc.free(pageOfText(address));
    else this.#parts.log.warn(`Trying to vfree() bad address (${describeText(address)})`);
  }
}

const placeOf = (address: TextAddress) => ({ page: pageOfText(address), offset: address & (PAGE_SIZE - 1) });
