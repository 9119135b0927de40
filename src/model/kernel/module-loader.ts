import type { Journal } from '../../base/journal.ts';
import { PAGE_SIZE } from '../../base/page.ts';
import type { Outcome } from './errno.ts';
import type { Execmem } from './execmem.ts';
import type { ExecmemCoreProfile, ExecmemType } from './execmem-profile.ts';
import type { ExecutableMemory } from './executable-memory.ts';
import { KernelBuffer } from './kernel-buffer.ts';
import type { KernelLog } from './kernel-log.ts';
import type { RoxCache } from './rox-cache.ts';
import type { SetMemory } from './set-memory.ts';
import { pageOfText, type TextAddress } from './text-address.ts';

/** Text of a module, of a kprobe or of an ftrace trampoline, from its allocation to its end. */
export interface ModuleText {
  readonly type: ExecmemType;
  readonly address: TextAddress;
  /** In bytes, whole pages. */
  readonly size: number;
  /** Whether it is a piece of the cache, or has an area of its own. */
  readonly cached: boolean;
  /** rw_copy of 6.13: where the module is built. */
  readonly copy: KernelBuffer | undefined;
  /** rox: at rest. nx: the first half of making it writable is done. rw: its owner may store to it. */
  rights: 'rox' | 'nx' | 'rw';
  state: 'loading' | 'live' | 'freed';
}

interface Parts {
  readonly journal: Journal;
  readonly profile: ExecmemCoreProfile;
  readonly execmem: Execmem;
  readonly cache: RoxCache;
  readonly memory: ExecutableMemory;
  readonly setMemory: SetMemory;
  readonly log: KernelLog;
}

/**
 * Models how users of mm/execmem.c fill what they got: kernel/module/main.c, and alike kprobes and ftrace.
 *
 * In 6.13 a module was built in a writable copy that was poked over its text in the end; from 6.15 its text is made writable for
 * a while and written in place; text that is not from the cache is born writable and protected once. What is written is left
 * out: one byte says whose it is.
 */
export class ModuleLoader {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** module_memory_alloc(): undefined stands for -ENOMEM. */
  allocate(type: ExecmemType, size: number, cpu: number): ModuleText | undefined {
    const address = this.#parts.execmem.allocate(type, this.sectionSize(size), cpu);
    return address === undefined ? undefined : this.adopt(type, address, size);
  }

  /** What the loader keeps of text that it was given. */
  adopt(type: ExecmemType, address: TextAddress, size: number): ModuleText {
    const { journal, log, profile, execmem } = this.#parts;
    const { cached } = execmem.ranges[type];
    const inCopy = cached && profile.modulesWritten === 'in-copy';
    const copy = inCopy ? new KernelBuffer(journal, log, { size, fill: 0 }) : undefined;
    return { type, address, size, cached, copy, rights: cached ? 'rox' : 'rw', state: 'loading' };
  }

  /** The first half of execmem_make_temp_rw(): nobody may run it any more. */
  takeExecution(text: ModuleText): Outcome {
    const outcome = this.#parts.setMemory.nx(...pagesOf(text));
    if (outcome === 0) this.#give(text, 'nx');
    return outcome;
  }

  /** The second half: its owner may store to it. */
  giveWriting(text: ModuleText): Outcome {
    const outcome = this.#parts.setMemory.rw(...pagesOf(text));
    if (outcome === 0) this.#give(text, 'rw');
    return outcome;
  }

  /** Whether sections can be copied and relocated now. */
  mayWrite({ copy, rights, state }: ModuleText): boolean {
    return state === 'loading' && (copy !== undefined || rights === 'rw');
  }

  /** Copies and relocates: the whole of it becomes one byte. */
  write(text: ModuleText, code: number, cpu: number): void {
    const { copy, address, size } = text;
    if (copy !== undefined) copy.fill(0, size, code);
    else this.#parts.memory.fill(areaOf(address, size), code, cpu);
  }

  /** Copies part of a section. */
  store({ copy, address }: ModuleText, at: number, bytes: Uint8Array, cpu: number): void {
    if (copy !== undefined) copy.write(at, bytes);
    else this.#parts.memory.write(areaOf(address, at + bytes.length), at, bytes, cpu);
  }

  /** The end of loading: the copy becomes text, or the text becomes read-only and executable. */
  finish(text: ModuleText, cpu: number): Outcome {
    const { copy, address } = text;
    const { memory, journal } = this.#parts;
    if (copy !== undefined) {
      memory.pokeCopy(address, copy.view(), cpu);
      copy.free();
    } else {
      const outcome = this.protect(text);
      if (outcome !== 0) return outcome;
      this.#give(text, 'rox');
    }
    journal.set(text, 'state', 'live');
    return 0;
  }

  /** execmem_restore_rox(), or what module_enable_text_rox() does with text of its own area. */
  protect(text: ModuleText): Outcome {
    return this.#parts.setMemory.rox(...pagesOf(text));
  }

  /** Whether others may poke into it: static keys know a module's sites from when it is formed. */
  sitesAreKnown({ state }: ModuleText): boolean {
    return state === 'live';
  }

  /** A static key changes: its site is poked. */
  patch({ address }: ModuleText, at: number, bytes: Uint8Array, cpu: number): void {
    this.#parts.memory.pokeCopy(address + at, bytes, cpu);
  }

  /** A livepatch relocates a module that is formed already. */
  relocateLate(text: ModuleText, at: number, bytes: Uint8Array, cpu: number): void {
    const { copy, address } = text;
    if (copy !== undefined && this.relocatesInCopy(text)) copy.write(at, bytes);
    else this.#parts.memory.pokeCopy(address + at, bytes, cpu);
  }

  /** Whether a relocation belongs into the copy: only as long as the module is unformed. */
  relocatesInCopy({ state }: ModuleText): boolean {
    return state === 'loading';
  }

  /** module_memory_free(), through any address of it: read-only and executable again first, whatever it was. */
  release(text: ModuleText, at: number, cpu: number): void {
    const { execmem, journal } = this.#parts;
    if (text.cached && text.rights !== 'rox') this.protect(text);
    if (text.copy !== undefined && text.state === 'loading') text.copy.free();
    execmem.release(text.address + at, cpu);
    journal.set(text, 'state', 'freed');
  }

  /** The size of a module's text, as its section headers give it. */
  sectionSize(size: number): number {
    return size;
  }

  #give(text: ModuleText, rights: ModuleText['rights']): void {
    this.#parts.journal.set(text, 'rights', rights);
  }
}

const areaOf = (address: TextAddress, size: number) => ({
  firstPage: pageOfText(address),
  pageCount: Math.ceil(size / PAGE_SIZE),
});

function pagesOf({ address, size }: ModuleText): readonly [firstPage: number, pageCount: number] {
  const { firstPage, pageCount } = areaOf(address, size);
  return [firstPage, pageCount];
}
